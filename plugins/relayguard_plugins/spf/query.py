"""pyspf, guarded: it evaluates over the answers at hand and never asks DNS itself.

pyspf's own look-up honours the resolver's search list, and lets a stranger's domain name raise whatever
the DNS library raises. It is replaced by one that always raises; `Query` never reaches it.
"""

import re
import socket
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import NoReturn, SupportsIndex

import spf

from relayguard import Answer, IpAddress, Question, RecordType, Status


def _never(name: str, qtype: str, *_: object) -> NoReturn:
    raise AssertionError(f"pyspf asked DNS itself for {name} {qtype}")


spf.DNSLookup = _never

MAX_HOSTS = 10
"""RFC 7208 §4.6.4: so many hosts of an MX, or names of a PTR, are looked at."""

MAX_RECORD = 4 * 1024
"""RFC 7208 §3.4 wants records of 512 octets; beyond this many, checking all their terms takes too long."""


MAX_RECORDS = 16 * 1024
"""So much may all records of one evaluation hold; ten of the length that RFC 7208 wants hold a third of it."""

MAX_TERMS, MAX_TERM = 4096, 128
"""So many terms are kept as read, none longer than this many characters."""

_NAME = re.compile(r"(?=.{1,253}\Z)(?:[^.]{1,63}+\.)*+[^.]{1,63}+\Z", re.DOTALL)
_TYPES = {kind.value: kind for kind in RecordType}

Term = tuple[str, str, str, int, str]

# RFC 7208 §7.2: the macros that stand for the client.
_ABOUT_THE_CLIENT = re.compile(r"%\{[icp]", re.IGNORECASE)

# Likewise those that stand for the sender's mailbox and for the HELO name.
_ABOUT_THE_SENDER = re.compile(r"%\{[slh]", re.IGNORECASE)


class MissingAnswer(Exception):
    """The evaluation cannot go on without the answers to `questions`.

    With `dispensable`, an answer that does not come in time is no match, and no error.
    """

    def __init__(self, questions: Sequence[Question], *, dispensable: bool) -> None:
        super().__init__(questions)
        self.questions = questions
        self.dispensable = dispensable


class _CheckedOnce(str):
    """A macro string that pyspf looks through once, not once for each of its labels: that would be quadratic."""

    __slots__ = ()

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        """Return the whole: pyspf checks it for each part, and uses the part for nothing else."""
        return [self]


class Terms:
    """Terms as pyspf has read them, for the domain and the family of addresses that they were read for."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str, str], Term] = {}

    def get(self, term: str, domain: str, family: str) -> Term | None:
        """Return what was read, if it is still kept."""
        return self._read.get((term, domain, family))

    def put(self, term: str, domain: str, family: str, read: Term) -> None:
        """Keep what was read, unless another message may read it in another way."""
        if len(term) > MAX_TERM or "%" in term or "%" in domain:
            return
        if len(self._read) >= MAX_TERMS:
            self._read.clear()
        self._read[term, domain, family] = read

    def __len__(self) -> int:
        return len(self._read)


class Query(spf.query):
    """One evaluation of check_host() (RFC 7208 §4) over `answers`; raises MissingAnswer where one is missing.

    `cached` is asked for what is not in `answers`, and what it knows is added there.
    `terms` has those of records that were read before, and keeps more.
    `late` are dispensable questions that nobody waits for any more; should one turn out not to be, it is asked again.
    """

    def __init__(
        self,
        client: str,
        local_part: str,
        domain: str,
        helo: str,
        receiver: str,
        answers: dict[Question, Answer],
        terms: Terms,
        late: Collection[Question] = (),
        cached: Callable[[Question], Answer | None] = lambda _: None,
    ) -> None:
        # RFC 7208 §4.6.4: at least 20 seconds; here nothing waits, but pyspf's default is no limit at all.
        super().__init__(client, f"{local_part}@{domain}", helo, receiver=receiver, timeout=5, querytime=20)
        # pyspf splits at the first @, which may stand in a quoted local part: "a@b"@example.com.
        self.l, self.o, self.d = local_part, domain, domain
        self._answers = answers
        self._terms = terms
        self._late = late
        self._cached = cached
        self._dispensable = False
        self._closed = False
        self._counts = True
        self._depth = 0
        self._passing: set[str] = set()
        self._static: set[str] = set()
        self._octets = 0
        self.authorised = 0
        """How many addresses of the client's family the records pass that were looked at, at most."""
        self.names_sender = False
        """Whether the records ask for the local part or the HELO name: then the result is for these alone."""

    def set_ip(self, i: str) -> None:
        """Set the client: pyspf would read its address anew each time that an evaluation starts over."""
        self.iplist = False
        self.ipaddr, self.c, self.i, self.A, self.v, self.cidrmax = _client(i)

    def dns(
        self, name: str, qtype: str, cnames: dict[str, str] | None = None, ignore_void: bool = False
    ) -> list[object]:
        """Return the records of a name. The resolver has followed CNAMEs already."""
        name = _absolute(name)
        # RFC 8616 §4: a local part beyond ASCII makes no domain name, and so no match.
        if not _NAME.match(name) or not name.isascii():
            return []
        question = Question(name, _TYPES[qtype])
        self._need([question])
        answer = self._answers.get(question)
        if answer is None:
            raise spf.TempError(f"no answer in time for {qtype} of {name}")
        if answer.exchanges and len(answer.exchanges) <= MAX_HOSTS:
            self._need([self._address_of(exchange.host) for exchange in answer.exchanges])
        if answer.status is Status.TEMPERROR:
            raise spf.TempError(f"DNS {answer.reason or 'error'} for {qtype} of {name}")
        records = list(answer.read(_records) if answer.texts or answer.exchanges else answer.hosts)
        # RFC 7208 §4.6.4: at most two void lookups; those in the client's own zone are not the domain's fault.
        if not records and not ignore_void and not self._dispensable:
            self.void_lookups += 1
            if self.void_lookups > 2:
                raise spf.PermError("Void lookup limit of 2 exceeded")
        # RFC 7208 §5.7: an exists: that does not ask for the client matches every client.
        if records and name in self._static:
            self.authorised += 1 << self.ipaddr.max_prefixlen
        return records

    def cidrmatch(self, ipaddrs: list[str], n: int) -> bool:
        """Compare as integers: pyspf builds a network object for each address, half of all its time."""
        client, width = int(self.ipaddr), self.ipaddr.max_prefixlen
        for address in ipaddrs:
            try:
                bits, value = _packed(address)
            except OSError as error:
                raise spf.PermError(f"Invalid address: {address}") from error
            if bits == width and not (client ^ value) >> (width - n):
                return True
        return False

    def validated_ptrs(self) -> list[str]:
        """RFC 7208 §5.5: a DNS error here is no match. The client's owner controls this zone, and must not force a temperror."""
        self._dispensable = True
        try:
            names = self.dns_ptr(self.i)[:MAX_HOSTS]
            self._need([self._address_of(name) for name in names])
        except spf.TempError:
            return []
        else:
            return [name for name in names if self._is_validated(name)]
        finally:
            self._dispensable = False

    def _is_validated(self, name: str) -> bool:
        try:
            return self.cidrmatch(self.dns_a(name, self.A), self.cidrmax)
        except spf.TempError:
            return False

    def _need(self, questions: Sequence[Question]) -> None:
        """Stop the evaluation until all these are answered: asked at once, not one after another."""
        missing = [question for question in questions if not self._is_known(question)]
        if missing:
            raise MissingAnswer(missing, dispensable=self._dispensable)

    def _is_known(self, question: Question) -> bool:
        if question in self._answers or (self._dispensable and question in self._late):
            return True
        # Starting over for what is at hand would cost a third of all the time.
        answer = self._cached(question)
        if answer is not None:
            self._answers[question] = answer
        return answer is not None

    def _address_of(self, host: str) -> Question:
        return Question(_absolute(host), RecordType(self.A))

    def check0(self, spf: str | None, recursion: int) -> tuple[str, int, str]:
        """Evaluate one record."""
        self._closed = False
        outer = self._depth, self._counts, self._passing
        # What an include lets pass that is not wanted to pass (-include, ?include) does not pass. A redirect= is
        # no include: it comes at the same depth.
        included = recursion > self._depth
        self._counts = self._counts and (not included or self.d in self._passing)
        self._depth, self._passing = recursion, set()
        try:
            return super().check0(spf, recursion)
        finally:
            self._depth, self._counts, self._passing = outer

    def validate_mechanism(self, mech: str) -> Term:
        """Read one term, and add up what it lets pass. pyspf reads all terms of a record before it follows any."""
        validated = self._terms.get(mech, self.d, self.v)
        if validated is None:
            validated = super().validate_mechanism(mech)
            self._terms.put(mech, self.d, self.v, validated)
        _, mechanism, argument, prefix, result = validated
        if result == "pass" and self._counts and not self._closed:
            width = self.ipaddr.max_prefixlen
            if mechanism == "include":
                self._passing.add(argument)
            elif mechanism == "exists" and not _ABOUT_THE_CLIENT.search(mech):
                self._static.add(_absolute(argument))
            elif mechanism == "all":
                self.authorised += 1 << width
            elif mechanism in ("a", "mx", "ip4" if width == 32 else "ip6"):
                self.authorised += 1 << (width - prefix)
        # RFC 7208 §5.1: terms after "all" are never tested.
        self._closed = self._closed or mechanism == "all"
        return validated

    def dns_spf(self, domain: str) -> str | None:
        """Return a domain's record, unless it is so large that it is there to cost us time."""
        record = super().dns_spf(domain)
        size = len(record or "")
        self._octets += size
        if size > MAX_RECORD:
            raise spf.PermError(f"SPF record of {domain} is larger than 4 KB")
        if self._octets > MAX_RECORDS:
            raise spf.PermError("SPF records are larger than 16 KB together")
        return record

    def expand(self, s: str, stripdot: bool = True) -> str:
        """RFC 7208 §7: expand the macros."""
        self.names_sender = self.names_sender or bool(_ABOUT_THE_SENDER.search(s))
        return super().expand(_CheckedOnce(s), stripdot)

    def get_explanation(self, spec: str) -> None:
        """Never fetch the explanation: it is a stranger's text, and pyspf would fetch it even for a pass."""


def first_question(domain: str) -> Question | None:
    """Return what every evaluation for `domain` asks before all else; None if there is no such name."""
    return Question(_absolute(domain), RecordType.TXT) if _NAME.match(domain) and domain.isascii() else None


def _absolute(name: str) -> str:
    return name.removesuffix(".").lower()


def _records(answer: Answer) -> tuple[object, ...]:
    """Return texts or exchanges as pyspf wants them; hosts it takes as they are."""
    if answer.texts:
        return tuple((text,) for text in answer.texts)
    return tuple((exchange.preference, exchange.host) for exchange in answer.exchanges)


@lru_cache(maxsize=1024)
def _client(address: str) -> tuple[IpAddress, str, str, str, str, int]:
    query = spf.query(address, "", "")
    return query.ipaddr, query.c, query.i, query.A, query.v, query.cidrmax


@lru_cache(maxsize=MAX_TERMS)
def _packed(address: str) -> tuple[int, int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    return len(packed) * 8, int.from_bytes(packed, "big")
