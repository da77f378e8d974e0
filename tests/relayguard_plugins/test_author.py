import pytest

from relayguard import Ambiguity, Cap, Effect, Oddity, Reject, Role
from relayguard.testing import CountedMetrics, a_session, an_envelope, collect, some_headers, some_services
from relayguard_plugins.author import AuthorFilter, Options
from relayguard_plugins.authors import OddAuthor, SeveralAuthors

SERVICES = some_services()
AUTHOR = AuthorFilter(Options(), SERVICES)


@pytest.mark.parametrize("sender", ["alice@example.com", "", "postmaster", '"a b"@example.com', "a@[192.0.2.1]"])
def test_a_well_formed_sender_is_accepted(sender: str) -> None:
    assert collect(AUTHOR.mail_from(a_session(), an_envelope(sender))) == []


@pytest.mark.parametrize(
    ("sender", "defect"),
    [
        ("alice", "no domain"),
        ("(any@example.com", "malformed local part"),
        ("a@b@example.com", "malformed local part"),
        ("alice@exam ple.com", "malformed domain"),
        ("alice@-.com", "malformed domain"),
    ],
)
def test_a_malformed_sender_is_refused_with_501(sender: str, defect: str) -> None:
    expected = Reject(text=f"Malformed sender address: {defect}", code=501, enhanced="5.1.7")
    assert collect(AUTHOR.mail_from(a_session(), an_envelope(sender))) == [expected]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ("Subject: hello\n", Ambiguity.MISSING),
        ("From: a@example.com\nFrom: b@example.com\n", Ambiguity.SEVERAL_FIELDS),
        ("From: a@example.com, b@example.net\n", Ambiguity.SEVERAL_DOMAINS),
        ("From: undisclosed:;\n", Ambiguity.NO_DOMAIN),
    ],
)
def test_a_message_without_exactly_one_author_domain_is_refused(headers: str, reason: Ambiguity) -> None:
    expected = Reject(text=f"Message must have one author domain: {reason}")
    effects = collect(AUTHOR.end_of_headers(a_session(), an_envelope(), some_headers(headers)))
    assert [effect for effect in effects if not isinstance(effect, OddAuthor)] == [expected]


def test_the_reply_says_what_is_wrong_with_the_author() -> None:
    effects = collect(AUTHOR.end_of_headers(a_session(), an_envelope(), some_headers("From: alice\n")))
    text = "Message must have one author domain: malformed From field (an address must have exactly one @)"
    assert effects == [Reject(text=text)]


def test_several_authors_of_one_domain_are_accepted() -> None:
    headers = some_headers("From: a@example.com, b@EXAMPLE.com\n")
    odd = OddAuthor(oddities=frozenset({Oddity.SEVERAL}))
    assert collect(AUTHOR.end_of_headers(a_session(), an_envelope(), headers)) == [odd]


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.LOCAL])
def test_only_incoming_mail_is_judged(role: Role) -> None:
    envelope = an_envelope("alice", role)
    assert collect(AUTHOR.mail_from(a_session(), envelope)) == []
    assert collect(AUTHOR.end_of_headers(a_session(), envelope, some_headers("Subject: no author\n"))) == []


def test_what_a_relay_of_our_own_accepted_is_not_refused() -> None:
    relay = a_session(trusted_relay=True)
    assert collect(AUTHOR.mail_from(relay, an_envelope("a@b@c"))) == []
    assert collect(AUTHOR.end_of_headers(relay, an_envelope(), some_headers("Subject: x\n"))) == []


def test_a_huge_from_field_is_refused_and_counted() -> None:
    services = some_services()
    headers = some_headers("From: " + "a" * 20_000 + "@example.com\n")
    assert len(collect(AuthorFilter(Options(), services).end_of_headers(a_session(), an_envelope(), headers))) == 1
    assert isinstance(services.metrics, CountedMetrics)
    assert services.metrics.caps == [Cap.FROM_SIZE]


def found(fields: str, options: Options) -> list[Effect]:
    return collect(AuthorFilter(options, SERVICES).end_of_headers(a_session(), an_envelope(), some_headers(fields)))


def test_what_is_odd_about_an_author_is_found_and_refuses_nobody() -> None:
    effects = found('From: "admin@bank.example" <x@attack.example>\n', Options())
    assert effects == [OddAuthor(oddities=frozenset({Oddity.ADDRESS_IN_NAME}))]


def test_authors_of_several_domains_are_left_to_dmarc_if_the_postmaster_wants() -> None:
    several = "From: a@example.com, b@example.net, c@EXAMPLE.com\n"
    odd = OddAuthor(oddities=frozenset({Oddity.SEVERAL}))
    reject = Reject(text="Message must have one author domain: authors of several domains")
    assert found(several, Options()) == [odd, reject]
    evaluated = found(several, Options(several_domains="evaluate"))
    assert evaluated == [odd, SeveralAuthors(domains=("example.com", "example.net"))]


@pytest.mark.parametrize(
    "fields",
    [
        "From: a@example.com\nFrom: b@example.net\n",
        "From: " + ", ".join(f"a@d{number}.example" for number in range(5)) + "\n",
    ],
    ids=["two fields", "five domains"],
)
def test_what_cannot_be_evaluated_is_refused_all_the_same(fields: str) -> None:
    assert isinstance(found(fields, Options(several_domains="evaluate"))[-1], Reject)


def test_a_relay_of_our_own_is_not_refused_but_what_it_brings_is_told() -> None:
    author, relay = AuthorFilter(Options(several_domains="evaluate"), SERVICES), a_session(trusted_relay=True)
    headers = some_headers("From: a@example.com, b@example.net\n")
    odd = OddAuthor(oddities=frozenset({Oddity.SEVERAL}))
    several = SeveralAuthors(domains=("example.com", "example.net"))
    assert collect(author.end_of_headers(relay, an_envelope(), headers)) == [odd, several]
    assert collect(author.end_of_headers(relay, an_envelope(), some_headers("Subject: x\n"))) == []
