"""Honest mail that looks odd is accepted, and its DNS, signatures and policies are what the index says."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network

import pytest

from relayguard import (
    DkimResult,
    DkimValue,
    DmarcResult,
    Headers,
    Question,
    RecordType,
    SpfIdentity,
    SpfResult,
    Status,
    read_authors,
    to_a_labels,
)
from relayguard.core.mailboxes import parse_mailboxes
from relayguard.core.message import split_message
from relayguard.dns.zone import ZoneResolver
from tests.corpus.honest import FOLDER, PEOPLE, PROTECTED, Honest, messages, zone
from tests.corpus.sending import FILTERS, Sent, run

MESSAGES = messages()
# RFC 5737 and RFC 3849.
DOCUMENTATION = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
KINDS = [
    "list",
    "newsletter",
    "ticket",
    "calendar",
    "behalf",
    "bounce",
    "name",
    "company",
    "people",
    "own",
    "forward",
    "syntax",
    "dns",
    "machine",
    "notice",
]
# RFC 5322 §3.6: they stand once at most.
SINGLETONS = frozenset(
    {"date", "from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references", "subject"}
)
# What takes no mail is what is odd about these.
UNREACHABLE = {
    "newsletter-null-mx": "alerts.tallow.example",
    "dns-subdomain-unknown": "ci-4.internal.northgate.example",
}
# The last is named by the requirement itself, as a neighbour of example.com.
NAMES = re.compile(r"(?:[^\s@]+\.)?(?:example|example\.com|example\.net|example\.org|exemplar\.com)\Z")


@cache
def all_sent() -> dict[str, Sent]:
    return run()


@pytest.fixture(params=MESSAGES, ids=lambda message: message.name)
def message(request: pytest.FixtureRequest) -> Honest:
    chosen: Honest = request.param
    return chosen


def test_an_honest_message_is_accepted_though_it_looks_odd(message: Honest) -> None:
    sent = all_sent()[message.name]
    assert not [call.trace for call in sent.runs if call.failed]
    assert not sent.refusals
    assert sent.record is not None
    assert sent.record.envelope.role is message.role
    assert sent.record.decision.outcome == sent.record.would_be.outcome == "accepted", sent.record


def test_authentication_finds_of_it_what_the_index_says(message: Honest) -> None:
    record = all_sent()[message.name].record
    assert record is not None
    spf = next(each for each in record.results.of(SpfResult) if each.identity is SpfIdentity.MAIL_FROM)
    (dmarc,) = record.results.of(DmarcResult)
    passed = [each.domain for each in record.results.of(DkimResult) if each.value is DkimValue.PASS]
    assert (spf.value, dmarc.value) == (message.spf, message.dmarc), (spf, dmarc)
    assert sorted(passed) == sorted(message.signers)


def test_it_has_one_author_domain_and_no_field_twice_that_stands_once(message: Honest) -> None:
    fields = split_message(message.raw)[0]
    assert read_authors(Headers.of(*fields)).domain
    count = Counter(name.lower() for name, _ in fields)
    assert not [name for name in SINGLETONS if count[name] > 1]
    assert count["from"] == count["to"] == count["date"] == count["message-id"] == 1


def test_it_names_nobody_who_could_be_real(message: Honest) -> None:
    assert any(ip_address(message.client) in network for network in DOCUMENTATION)
    for domain in domains_of(message):
        assert NAMES.match(domain.lower()), domain


def test_its_author_and_whoever_is_to_be_answered_can_receive_mail(message: Honest) -> None:
    headers = Headers.of(*split_message(message.raw)[0])
    fields = [*headers.all("From"), *headers.all("Reply-To")]
    domains = {to_a_labels(each.domain) or "" for field in fields for each in parse_mailboxes(field.value)}
    sender = message.mail_from.rpartition("@")[2]
    domains |= {to_a_labels(sender) or ""} if sender else set()
    assert {domain for domain in domains if not asyncio.run(takes_mail(domain))} == (
        {UNREACHABLE[message.name]} if message.name in UNREACHABLE else set()
    )


async def takes_mail(domain: str) -> bool:
    mail, *addresses = [
        await dns().resolve(Question(domain, kind)) for kind in (RecordType.MX, RecordType.A, RecordType.AAAA)
    ]
    if mail.status is Status.FOUND:
        # RFC 7505: a single dot says that there is none.
        return any(exchange.host.strip(".") for exchange in mail.exchanges)
    return any(answer.status is Status.FOUND for answer in addresses)


@cache
def dns() -> ZoneResolver:
    return ZoneResolver(zone())


def domains_of(message: Honest) -> Iterator[str]:
    text = (FOLDER / f"{message.name}.eml").read_bytes().decode("utf-8", "replace")
    yield from re.findall(r"(?<=\w@)[\w.-]*\.\w+", text)
    yield from re.findall(r"(?<=https://)[\w.-]*\w", text)
    yield message.helo
    yield message.mail_from.rpartition("@")[2] or message.helo


def test_a_filter_that_refuses_honest_mail_is_found_out() -> None:
    forwarded = [message for message in MESSAGES if message.kind == "forward"]
    sent = run(FILTERS, '[filter.spf]\nreject = ["fail"]', forwarded)
    assert {name for name, each in sent.items() if each.refusals} == {"forward-signed"}


def test_the_index_has_each_file_once_and_each_says_what_is_odd() -> None:
    assert sorted(message.name for message in MESSAGES) == sorted(path.stem for path in FOLDER.glob("*.eml"))
    assert len({message.raw for message in MESSAGES}) == len({message.about for message in MESSAGES}) == len(MESSAGES)
    assert len(MESSAGES) >= 60


def test_there_is_mail_of_every_kind() -> None:
    assert list(dict.fromkeys(message.kind for message in MESSAGES)) == KINDS


def test_the_same_files_give_the_same_octets() -> None:
    first, known = {message.name: message.raw for message in MESSAGES}, zone()
    messages.cache_clear()
    zone.cache_clear()
    assert {message.name: message.raw for message in messages()} == first
    assert zone() == known


def test_fifty_domains_are_protected() -> None:
    names = PROTECTED.read_text(encoding="utf-8").splitlines()
    assert len({to_a_labels(name) for name in names} - {None}) == len(names) == 50
    assert "example.com" in names


def test_five_hundred_people_are_protected_each_with_an_address_of_ours() -> None:
    people = PEOPLE.read_text(encoding="utf-8").splitlines()
    assert len(set(people)) == len(people) >= 500
    form = re.compile(r"[^<>,@]+ <[a-z.-]+@example\.com>(?:, <[a-z.]+@[a-z.]+>)*")
    assert not [line for line in people if not form.fullmatch(line)]


def test_addresses_in_dns_are_those_of_documentation() -> None:
    found = re.findall(r"(?:IN A|IN AAAA|ip4:) ?([0-9a-f.:]+(?:/\d+)?)", zone())
    assert len(found) > 60
    for address in found:
        first = ip_network(address).network_address
        assert any(first in network for network in DOCUMENTATION), address
