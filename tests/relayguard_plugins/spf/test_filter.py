import pytest

from relayguard import Defer, Reject, Role, Session, SpfIdentity, SpfResult, SpfValue
from relayguard.testing import a_session, an_envelope, collect, some_services
from relayguard_plugins.spf.filter import Options, SpfFilter

ZONE = """\
half.example.       IN TXT "v=spf1 ip4:128.0.0.0/1 -all"
silent.example.     IN TXT "v=spf1 include:broken.example -all"
$SERVFAIL broken.example.
example.org.        IN TXT "v=spf1 ip4:192.0.2.1 -all"
client.example.     IN TXT "v=spf1 ip4:192.0.2.1 -all"
two.example.        IN TXT "v=spf1 +all"
two.example.        IN TXT "v=spf1 -all"
"""


def mail_from(sender: str, value: SpfValue, domain: str = "", reason: str | None = None) -> SpfResult:
    domain = domain or sender.rpartition("@")[2]
    return SpfResult(value=value, identity=SpfIdentity.MAIL_FROM, domain=domain, identifier=sender, reason=reason)


def helo(name: str, value: SpfValue, domain: str = "") -> SpfResult:
    return SpfResult(value=value, identity=SpfIdentity.HELO, domain=domain or name, identifier=name)


def found(sender: str, session: Session | None = None, options: Options | None = None) -> list[object]:
    spf = SpfFilter(options or Options(), some_services(ZONE))
    return list(collect(spf.mail_from(session or a_session("192.0.2.1"), an_envelope(sender))))


HELO_PASS = helo("client.example", SpfValue.PASS)


def test_both_identities_are_measured() -> None:
    assert found("a@example.org") == [mail_from("a@example.org", SpfValue.PASS), HELO_PASS]


def test_a_stranger_fails() -> None:
    assert found("a@example.org", a_session("192.0.2.9"))[0] == mail_from("a@example.org", SpfValue.FAIL)


def test_the_null_sender_is_postmaster_at_helo() -> None:
    expected = mail_from("postmaster@client.example", SpfValue.PASS)
    assert found("") == [expected, HELO_PASS]


def test_a_malformed_sender_borrows_no_pass_from_helo() -> None:
    reason = "malformed sender: malformed local part"
    broken = SpfResult(
        value=SpfValue.PERMERROR,
        identity=SpfIdentity.MAIL_FROM,
        domain="",
        identifier="(any@example.org",
        reason=reason,
    )
    assert found("(any@example.org") == [broken, HELO_PASS]


def test_a_source_route_is_ignored() -> None:
    assert found("@example.net,@example.com:a@example.org")[0] == mail_from("a@example.org", SpfValue.PASS)


def test_helo_may_be_left_out() -> None:
    options = Options(helo=False)
    assert found("a@example.org", options=options) == [mail_from("a@example.org", SpfValue.PASS)]
    assert found("", options=options) == [mail_from("postmaster@client.example", SpfValue.PASS)]


def test_helo_is_checked_in_a_labels() -> None:
    session = a_session("192.0.2.1", helo="CLIENT.example.")
    assert found("", session)[1] == helo("CLIENT.example.", SpfValue.PASS, domain="client.example")


@pytest.mark.parametrize("name", ["localhost", "[192.0.2.1]", "a b", "x;dkim=pass"])
def test_a_helo_that_is_no_domain_has_no_policy(name: str) -> None:
    results = found("a@example.org", a_session("192.0.2.1", helo=name))
    assert results[1] == helo(name, SpfValue.NONE, domain=name.lower())


def test_the_reason_of_an_error_is_told() -> None:
    reason = "Two or more type TXT spf records found."
    assert found("a@two.example")[0] == mail_from("a@two.example", SpfValue.PERMERROR, reason=reason)


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.LOCAL])
def test_our_own_users_are_not_judged_by_where_they_are(role: Role) -> None:
    spf = SpfFilter(Options(), some_services(ZONE))
    assert collect(spf.mail_from(a_session(), an_envelope(role=role))) == []


def test_our_own_relay_is_not_taken_for_the_client() -> None:
    assert found("a@example.org", a_session(trusted_relay=True)) == []


def test_without_a_helo_only_the_sender_is_measured() -> None:
    assert found("a@example.org", a_session("192.0.2.1", helo="")) == [mail_from("a@example.org", SpfValue.PASS)]


FAIL, PERMERROR, TEMPERROR = SpfValue.FAIL, SpfValue.PERMERROR, SpfValue.TEMPERROR


@pytest.mark.parametrize(
    ("sender", "options", "verdict"),
    [
        ("a@example.org", Options(), None),
        (
            "a@example.org",
            Options(reject=frozenset({FAIL})),
            Reject(text="SPF of example.org is fail for 192.0.2.9", enhanced="5.7.23"),
        ),
        ("a@example.org", Options(reject=frozenset({PERMERROR})), None),
        (
            "a@two.example",
            Options(reject=frozenset({PERMERROR})),
            Reject(text="SPF of two.example is permerror for 192.0.2.9", enhanced="5.7.24"),
        ),
        (
            "a@silent.example",
            Options(defer=frozenset({TEMPERROR})),
            Defer(text="SPF of silent.example is temperror for 192.0.2.9", enhanced="4.7.24"),
        ),
        (
            "a@nothing.example",
            Options(helo_defer=frozenset({FAIL})),
            Defer(text="SPF of client.example is fail for 192.0.2.9", enhanced="4.7.23"),
        ),
    ],
)
def test_a_result_is_refused_if_the_postmaster_says_so(sender: str, options: Options, verdict: object) -> None:
    effects = found(sender, a_session("192.0.2.9"), options)
    assert [effect for effect in effects if not isinstance(effect, SpfResult)] == ([verdict] if verdict else [])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"reject": frozenset({TEMPERROR})}, "DNS did not answer"),
        ({"helo_reject": frozenset({TEMPERROR})}, "^helo_reject: temperror .* under helo_defer"),
        ({"helo_defer": frozenset({SpfValue.PASS})}, "helo_reject, helo_defer: a pass cannot be refused"),
        ({"reject": frozenset({FAIL}), "defer": frozenset({FAIL})}, "reject, defer: fail stands in both"),
        ({"helo": False, "helo_reject": frozenset({FAIL})}, "with helo = false nothing of HELO is refused"),
        ({"timeout": 0.0, "permissive_ipv6": 129}, "^timeout must .*; permissive_ipv6 must be 0 to 128"),
        ({"permissive_ipv4": 33}, "permissive_ipv4 must be 0 to 32"),
    ],
)
def test_options_that_refuse_what_must_not_be_refused_are_an_error(
    options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Options(**options)  # type: ignore[arg-type]


def test_a_pass_by_a_record_that_lets_half_the_internet_pass_is_marked() -> None:
    # P-06
    result = found("a@half.example")[0]
    assert isinstance(result, SpfResult)
    assert (result.value, result.permissive) == (SpfValue.PASS, True)
    narrow = found("a@half.example", options=Options(permissive_ipv4=1))[0]
    assert isinstance(narrow, SpfResult)
    assert not narrow.permissive
