import pytest

from relayguard import Role, Session, SpfIdentity, SpfResult, SpfValue
from relayguard.testing import a_session, an_envelope, collect, some_services
from relayguard_plugins.spf.filter import Options, SpfFilter

ZONE = """\
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
