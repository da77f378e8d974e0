"""Generated and mutated mail: our DKIM filter agrees with dkimpy and libopendkim, or the table says why not."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.oracles import dkimpy_oracle, opendkim_oracle, ours, table
from tests.oracles.generator import a_mail
from tests.oracles.keys import rsa_pair
from tests.oracles.mail import Field, Judgement, Mail, Verdict
from tests.oracles.opendkim_oracle import OpenDkim
from tests.oracles.signer import HOLE, Plan, body_hash, sign
from tests.oracles.table import Disagreement
from tests.oracles.traits import TRAITS, Signed
from tests.relayguard_plugins.dkim.signing import published

Judge = Callable[[Mail], list[Judgement]]

FEW, MANY = 400, 10_000
ROWS = table.read()
ORACLES = ("dkimpy", "libopendkim")

BODY = b"At  noon. \r\n"
FIELDS = (Field(b"From", b" alice@example.com"), Field(b"Subject", b" Lunch?"))
LAYOUT = f" v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1; h=from:subject; bh={{bh}}; b={HOLE}"


@pytest.fixture(scope="module")
def ordinary() -> Mail:
    """A message as most are: nothing in it is odd."""
    layout = LAYOUT.replace("{bh}", body_hash(BODY, relaxed=True, length=None))
    plan = Plan(b"DKIM-Signature", layout, ("from", "subject"), relaxed=True, key=rsa_pair(2048))
    record = f"v=DKIM1; k=rsa; p={published(rsa_pair(2048))}"
    return Mail((sign(FIELDS, plan), *FIELDS), BODY, {"s1._domainkey.example.com": (record,)}, int(time.time()))


@pytest.fixture(params=ORACLES)
def oracle(request: pytest.FixtureRequest) -> Iterator[tuple[str, Judge]]:
    """The other verifiers, one after another; libopendkim is a library of the system, not of Python."""
    if request.param == "dkimpy":
        yield request.param, dkimpy_oracle.judge
        return
    library = opendkim_oracle.load()
    if library is None:
        pytest.skip(f"{opendkim_oracle.LIBRARY} is not installed")
    opendkim = OpenDkim(library)
    yield request.param, opendkim.judge
    opendkim.close()


def disagreements(mail: Mail, name: str, judge: Judge) -> list[Disagreement]:
    """Return where the oracle of this name and we differ."""
    both = zip(mail.signatures, ours.judge(mail), judge(mail), strict=True)
    found = [Disagreement(name, Signed(mail, signature), our, their) for signature, our, their in both]
    return [each for each in found if not each.ours.agrees_with(each.theirs)]


def rows_of(name: str) -> set[str]:
    """Return the rows of the table that concern this oracle."""
    return {row.id for row in ROWS if row.oracle == name}


def explained(seeds: range, name: str, judge: Judge) -> set[str]:
    """Return which rows explain a disagreement over the mail of these seeds; fails for one that none explains."""
    used: set[str] = set()
    for seed in seeds:
        # The time of each message is now: the oracles know no other.
        mail = a_mail(seed, int(time.time()))
        for found in disagreements(mail, name, judge):
            rows = {row.id for row in ROWS if row.explains(found)}
            if not rows:
                pytest.fail(
                    f"a_mail({seed}, {mail.now}): {found}\n{found.signed.field}\n{mail.serialized()!r}\n{mail.keys}"
                )
            used |= rows
    return used


def test_the_same_seed_makes_the_same_mail() -> None:
    first, second = ([a_mail(seed, 1_795_435_200) for seed in range(50)] for _ in range(2))
    assert first == second


def test_the_mail_earns_every_verdict() -> None:
    verdicts = {each.verdict for seed in range(FEW) for each in ours.judge(a_mail(seed, int(time.time())))}
    assert verdicts == set(Verdict) - {Verdict.REFUSED}


def test_each_row_is_called_by_a_name_of_its_own_and_says_why() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.oracle in ORACLES, row.id
        assert row.right in {"we", "they", "either"}, row.id
        assert "RFC" in row.why, row.id
        assert set(row.traits) <= set(TRAITS), row.id


def test_each_trait_serves_a_row() -> None:
    assert {trait for row in ROWS for trait in row.traits} == set(TRAITS)


def test_no_disagreement_over_an_ordinary_signature_is_explained(ordinary: Mail) -> None:
    signed = Signed(ordinary, ordinary.signatures[0])
    assert not [trait for trait, holds in TRAITS.items() if holds(signed)]
    passed = Judgement(Verdict.PASS)
    for name in ORACLES:
        for verdict in (Verdict.FAIL, Verdict.PERMERROR, Verdict.TEMPERROR, Verdict.REFUSED):
            other = Judgement(verdict, "signature did not verify")
            for found in (Disagreement(name, signed, passed, other), Disagreement(name, signed, other, passed)):
                assert not [row.id for row in ROWS if row.explains(found)]


def test_an_ordinary_signature_passes_everywhere(oracle: tuple[str, Judge], ordinary: Mail) -> None:
    name, judge = oracle
    assert ours.judge(ordinary) == judge(ordinary) == [Judgement(Verdict.PASS)], name


def test_a_disagreement_over_a_signature_is_explained(oracle: tuple[str, Judge]) -> None:
    assert explained(range(FEW), *oracle), "nothing in this mail is odd"


@pytest.mark.long
def test_of_ten_thousand_messages_each_disagreement_is_explained_and_each_row_is_needed(
    oracle: tuple[str, Judge],
) -> None:
    assert explained(range(MANY), *oracle) == rows_of(oracle[0])
