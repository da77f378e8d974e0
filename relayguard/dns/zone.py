"""Answers from a zone file instead of the network: for tests, the demo, and `relayguard explain --zone`."""

import time
from collections.abc import Iterable, Mapping

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone

from relayguard.dns.reading import failure
from relayguard.dns.resolver import absolute
from relayguard.dns.wire import read_wire
from relayguard.services import Answer, Question, Status

_SOA = "@ 60 IN SOA ns.invalid. hostmaster.invalid. 1 60 60 60 60\n@ 60 IN NS ns.invalid.\n"
_MAX_CHAIN = 12


class ZoneError(Exception):
    """A zone file cannot be read; the message says where and why."""


class Zone:
    """All the DNS there is, from the text of a zone file with absolute names.

    Two lines beyond RFC 1035 make trouble: ``$SERVFAIL name`` answers SERVFAIL, ``$SILENT name`` never
    answers; both hold for the name and everything below it.
    """

    def __init__(self, text: str) -> None:
        self._trouble: dict[dns.name.Name, str] = {}
        records = []
        try:
            for line in text.splitlines():
                word, _, name = line.strip().partition(" ")
                if word in ("$SERVFAIL", "$SILENT"):
                    self._trouble[dns.name.from_text(name.strip())] = word
                else:
                    records.append(line)
            content = _SOA + "$TTL 60\n" + "\n".join(records) + "\n"
            self._zone = dns.zone.from_text(content, origin=".", relativize=False, check_origin=False)
        except dns.exception.DNSException as error:
            raise ZoneError(f"zone file: {type(error).__name__}: {error}") from error
        # RFC 8020: a name exists if anything exists below it.
        self._names = {ancestor for name in self._zone for ancestor in _with_ancestors(name)}

    def respond(self, query: dns.message.Message) -> dns.message.Message | None:
        """Return the response to `query`, or None for silence."""
        response = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        trouble = next((self._trouble[n] for n in _with_ancestors(question.name) if n in self._trouble), None)
        if trouble == "$SILENT":
            return None
        if trouble == "$SERVFAIL":
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        response.flags |= dns.flags.AA
        self._answer(question.name, question.rdtype, response)
        return response

    def _answer(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, response: dns.message.Message) -> None:
        for _ in range(_MAX_CHAIN):
            node = self._zone.get_node(name)
            found = node.get_rdataset(self._zone.rdclass, rdtype) if node else None
            if found is not None:
                response.answer.append(_rrset(name, found))
                return
            alias = node.get_rdataset(self._zone.rdclass, dns.rdatatype.CNAME) if node else None
            if alias is None:
                break
            response.answer.append(_rrset(name, alias))
            name = alias[0].target
        if name not in self._names:
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = self._zone.get_rdataset(dns.name.root, dns.rdatatype.SOA)
        if soa is not None:
            response.authority.append(_rrset(dns.name.root, soa))


class ZoneResolver:
    """A `Resolver` that answers from a zone, at once; `asked` lists the questions, in order."""

    def __init__(self, text: str) -> None:
        self._zone = Zone(text)
        self._known: dict[Question, Answer] = {}
        self.asked: list[Question] = []

    def cached(self, question: Question) -> Answer | None:
        """See `Resolver`."""
        return self._known.get(question)

    async def resolve(self, question: Question) -> Answer:
        """See `Resolver`."""
        return self._ask(question)

    def prefetch(self, questions: Iterable[Question]) -> None:
        """See `Resolver`."""
        for question in questions:
            self._ask(question)

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        """See `Resolver`."""
        return {question: await self.resolve(question) for question in questions}

    def _ask(self, question: Question) -> Answer:
        if question not in self._known:
            self.asked.append(question)
            self._known[question] = self._answer(question)
        return self._known[question]

    def _answer(self, question: Question) -> Answer:
        now = time.monotonic()
        name = absolute(question.name)
        if name is None:
            return Answer(status=Status.NXDOMAIN, expires=now + 60)
        query = dns.message.make_query(dns.name.from_wire(name, 0)[0], question.type.value)
        response = self._zone.respond(query)
        if response is None:
            return failure("timeout", now)
        # Through the wire format, so that it is read just as an answer from the network.
        return read_wire(question, response.to_wire(max_size=65535), now)


def _with_ancestors(name: dns.name.Name) -> list[dns.name.Name]:
    ancestors = [name]
    while name != dns.name.root:
        name = name.parent()
        ancestors.append(name)
    return ancestors


def _rrset(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
