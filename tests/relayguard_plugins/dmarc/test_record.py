import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Answer, DmarcPolicy, Status
from relayguard_plugins.dmarc.record import Record, parse_record, record_in

NONE, QUARANTINE, REJECT = DmarcPolicy.NONE, DmarcPolicy.QUARANTINE, DmarcPolicy.REJECT


@pytest.mark.parametrize(
    ("text", "record"),
    [
        (b"v=DMARC1", Record()),
        (b"v=DMARC1; p=reject", Record(policy=REJECT)),
        (b"v = DMARC1 ;p\t=\tReject ;", Record(policy=REJECT)),
        (b"v=DMARC1; sp=none; np=reject; p=quarantine", Record(
            policy=QUARANTINE, subdomain_policy=NONE, nonexistent_policy=REJECT
        )),
        (b"v=DMARC1; P=reject; T=Y", Record(policy=REJECT, testing=True)),
        (b"v=DMARC1; p=reject; t=n", Record(policy=REJECT)),
        (b"v=DMARC1; p=reject; t=junk", Record(policy=REJECT)),
        (b"v=DMARC1; p=none; adkim=s; aspf=S", Record(policy=NONE, strict_dkim=True, strict_spf=True)),
        (b"v=DMARC1; p=none; adkim=r; aspf=junk", Record(policy=NONE)),
        (b"v=DMARC1; psd=y", Record(psd="y")),
        (b"v=DMARC1; psd=n", Record(psd="n")),
        (b"v=DMARC1; psd=u", Record()),
        (b"v=DMARC1; psd=junk", Record()),
        (b"v=DMARC1; p=none; rua=mailto:a@example.com", Record(policy=NONE, reported_to=True)),
        (b"v=DMARC1; p=none; rua=https://a.example, MAILTO:a@example.com!10m", Record(policy=NONE, reported_to=True)),
        (b"v=DMARC1; p=none; rua=https://a@a.example", Record(policy=NONE)),
        (b"v=DMARC1; p=none; rua=mailto:a", Record(policy=NONE)),
        (b"v=DMARC1; p=none; pct=0; rf=afrf; ri=1; new=tag; junk; =", Record(policy=NONE)),
        (b"v=DMARC1; p=\xff\xfe", Record(valid=False)),
        (b"v=DMARC1; p=junk", Record(valid=False)),
        (b"v=DMARC1; p=reject; sp=junk", Record(policy=REJECT, valid=False)),
        (b"v=DMARC1; p=reject; np=", Record(policy=REJECT, valid=False)),
        (b"v=DMARC1; p=none; p=reject", Record(policy=NONE)),
    ],
)  # fmt: skip
def test_a_record_is_read_as_published(text: bytes, record: Record) -> None:
    assert parse_record(text) == record


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"V=DMARC1; p=none",
        b"v=dmarc1; p=none",
        b" v=DMARC1; p=none",
        b"v=DMARC10; p=none",
        b"p=none; v=DMARC1",
        b"junk",
    ],
)
def test_a_record_that_does_not_begin_with_its_version_is_none_at_all(text: bytes) -> None:
    assert parse_record(text) is None


@pytest.mark.parametrize(
    ("text", "applies"),
    [
        (b"v=DMARC1", True),
        (b"v=DMARC1; p=junk", False),
        (b"v=DMARC1; p=junk; rua=mailto:a@example.com", True),
        (b"v=DMARC1; p=reject; sp=junk; rua=junk", False),
    ],
)
def test_an_unreadable_policy_counts_only_if_somebody_wants_reports(text: bytes, applies: bool) -> None:  # noqa: FBT001
    record = parse_record(text)
    assert record is not None
    assert record.applies is applies


def found(*texts: bytes) -> Answer:
    return Answer(status=Status.FOUND, texts=texts)


@pytest.mark.parametrize(
    ("answer", "policy"),
    [
        (found(b"junk", b"v=DMARC1; p=reject", b"v=spf1 -all"), REJECT),
        (found(b"v=DMARC1; p=reject", b"v=DMARC1; p=reject"), None),
        (found(b"junk"), None),
        (Answer(status=Status.NODATA), None),
        (Answer(status=Status.NXDOMAIN), None),
    ],
    ids=["one among others", "two", "others alone", "no record", "no name"],
)
def test_a_name_has_one_record_or_none(answer: Answer, policy: DmarcPolicy | None) -> None:
    record = record_in(answer)
    assert (record and record.policy) == policy


@given(st.binary(max_size=100).map(lambda junk: b"v=DMARC1;" + junk))
@settings(deadline=None)
def test_no_record_breaks_the_reader(text: bytes) -> None:
    assert parse_record(text) is not None
