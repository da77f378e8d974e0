"""The DNS tree walk (RFC 9989 §4.10): which records a domain has above it, and which is its organisation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from relayguard import Answer, Question, RecordType, Status
from relayguard_plugins.dmarc.record import Record, record_in

_MAX_LABELS = 8

Answers = Mapping[Question, Answer]


class Unknown(Exception):
    """DNS did not answer what is needed; the message says for which name."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and the domain that published it."""

    domain: str
    record: Record


def policy_question(domain: str) -> Question:
    """Return the DNS question for a domain's own policy record."""
    return Question(f"_dmarc.{domain}", RecordType.TXT)


def walk_domains(domain: str) -> list[str]:
    """Return the domains of the walk, longest first: at most 8, whatever the number of labels.

    >>> walk_domains("a.mail.example.com")
    ['a.mail.example.com', 'mail.example.com', 'example.com', 'com']
    """
    labels = domain.split(".")
    # RFC 9989 §4.10 step 3: with 8 labels or more, go on with the 7 rightmost.
    first = min(len(labels) - 1, _MAX_LABELS - 1)
    return [domain, *(".".join(labels[-count:]) for count in range(first, 0, -1))]


@lru_cache(maxsize=1024)
def steps(domain: str) -> tuple[tuple[str, Question], ...]:
    """Return the domains of the walk, each with its question."""
    return tuple((name, policy_question(name)) for name in walk_domains(domain))


def questions(domain: str) -> list[Question]:
    """Return all questions of the walk; they are asked at once."""
    return [question for _, question in steps(domain)]


def record_of(domain: str, answers: Answers) -> Record | None:
    """Return the domain's own record; raises Unknown."""
    return _record(*steps(domain)[0], answers)


def walk(domain: str, answers: Answers) -> list[Found]:
    """Return the records found, longest name first; raises Unknown. Ends at a record that says ``psd``."""
    found: list[Found] = []
    for name, question in steps(domain):
        record = _record(name, question, answers)
        if record is not None:
            found.append(Found(name, record))
            if record.psd != "u":
                break
    return found


def _record(name: str, question: Question, answers: Answers) -> Record | None:
    answer = answers[question]
    if answer.status is Status.TEMPERROR:
        raise Unknown(f"no answer for _dmarc.{name}: {answer.reason}")
    return answer.read(record_in) if answer.texts else None


def organisational_domain(domain: str, found: list[Found]) -> str:
    """Choose the organisational domain among the records of a walk (RFC 9989 §4.10.2)."""
    if not found:
        return domain
    top = found[-1]
    if top.record.psd == "y":
        # One label below the public suffix, counted from the starting name.
        return ".".join(domain.split(".")[-(top.domain.count(".") + 2) :])
    # A record that says psd=n ended the walk; otherwise it is the one with the fewest labels.
    return top.domain
