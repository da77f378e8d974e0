import pytest

from relayguard import Effect, IprevResult, IprevValue, Role
from relayguard.testing import ZoneResolver, a_session, an_envelope, collect, some_services
from relayguard_plugins.iprev import MAX_NAMES, IprevFilter

MANY = "".join(f"8.2.0.192.in-addr.arpa. IN PTR n{number}.example.\n" for number in range(20))
ZONE = f"""\
1.2.0.192.in-addr.arpa.  IN PTR mail.example.org.
mail.example.org.        IN A   192.0.2.1
2.2.0.192.in-addr.arpa.  IN PTR mail.example.org.
3.2.0.192.in-addr.arpa.  IN PTR nowhere.example.org.
4.2.0.192.in-addr.arpa.  IN PTR x.broken.example.
5.2.0.192.in-addr.arpa.  IN PTR x.broken.example.
5.2.0.192.in-addr.arpa.  IN PTR five.example.org.
five.example.org.        IN A   192.0.2.5
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. IN PTR six.example.org.
six.example.org.         IN AAAA 2001:db8::1
{MANY}
$SERVFAIL broken.example.
$SERVFAIL 7.2.0.192.in-addr.arpa.
"""


def found(client: str, role: Role = Role.INCOMING, *, relay: bool = False) -> list[Effect]:
    iprev, session = IprevFilter(some_services(ZONE)), a_session(client, trusted_relay=relay)
    envelope = an_envelope(role=role)
    iprev.mail_from(session, envelope)
    iprev.end_of_headers(session, envelope)
    return collect(iprev.end_of_message(session, envelope))


@pytest.mark.parametrize(
    ("client", "value", "name", "reason"),
    [
        ("192.0.2.1", IprevValue.PASS, "mail.example.org", None),
        ("::ffff:192.0.2.1", IprevValue.PASS, "mail.example.org", None),
        ("2001:db8::1", IprevValue.PASS, "six.example.org", None),
        ("192.0.2.5", IprevValue.PASS, "five.example.org", None),
        ("192.0.2.2", IprevValue.FAIL, None, "none of its names leads back to it"),
        ("192.0.2.3", IprevValue.FAIL, None, "none of its names leads back to it"),
        ("192.0.2.4", IprevValue.TEMPERROR, None, "no answer for its name's address: SERVFAIL"),
        ("192.0.2.6", IprevValue.PERMERROR, None, "it has no name"),
        ("192.0.2.7", IprevValue.TEMPERROR, None, "no answer for its name: SERVFAIL"),
    ],
)
def test_an_address_passes_if_one_of_its_names_leads_back_to_it(
    client: str, value: IprevValue, name: str | None, reason: str | None
) -> None:
    address = client.removeprefix("::ffff:")
    assert found(client) == [IprevResult(value=value, address=address, name=name, reason=reason)]


def test_only_ten_names_are_looked_at_and_asked_for_before_the_body() -> None:
    services = some_services(ZONE)
    iprev, session, envelope = IprevFilter(services), a_session("192.0.2.8"), an_envelope()
    iprev.mail_from(session, envelope)
    iprev.end_of_headers(session, envelope)
    assert isinstance(services.resolver, ZoneResolver)
    assert len(services.resolver.asked) == 1 + MAX_NAMES
    collect(iprev.end_of_message(session, envelope))
    assert len(services.resolver.asked) == 1 + MAX_NAMES


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.LOCAL])
def test_our_own_mail_is_not_measured(role: Role) -> None:
    assert found("192.0.2.1", role=role) == []


def test_our_own_relay_is_not_taken_for_the_client() -> None:
    assert found("192.0.2.1", relay=True) == []
