"""What our DKIM filter says of a message, signature by signature."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from relayguard import Answer, DkimResult, Header, Headers, Question, Status
from relayguard.testing import FrozenClock, some_services
from relayguard_plugins.dkim.signature import parse_signature
from relayguard_plugins.dkim.values import SignatureError
from tests.oracles.mail import Judgement, Mail, Records, Verdict
from tests.relayguard_plugins.dkim.signing import verify_parts


class _Table:
    """A `Resolver` that keeps several records in their order, which DNS need not: a verdict may depend on it."""

    def __init__(self, records: Mapping[str, Records]) -> None:
        self._records = {name.lower(): found for name, found in records.items()}

    def cached(self, question: Question) -> Answer:
        """See `Resolver`."""
        texts = self._records.get(question.name, ())
        if texts is None:
            return Answer(status=Status.TEMPERROR, reason="SERVFAIL")
        status = Status.FOUND if texts else Status.NXDOMAIN
        return Answer(status=status, texts=tuple(text.encode() for text in texts))

    async def resolve(self, question: Question) -> Answer:
        """See `Resolver`."""
        return self.cached(question)

    def prefetch(self, questions: Iterable[Question]) -> None:
        """See `Resolver`."""

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        """See `Resolver`."""
        return {question: self.cached(question) for question in questions}


def judge(mail: Mail) -> list[Judgement]:
    """Return what the filter finds, in the order of the signatures."""
    # An MTA hands over the name without the white space before the colon.
    pairs = [(field.name.rstrip(b" \t").decode("latin-1"), field.value) for field in mail.fields]
    headers = Headers.of(*pairs)
    services = replace(some_services(), resolver=_Table(mail.keys), clock=FrozenClock(mail.now))
    results = [effect for effect in verify_parts(headers, mail.body, services) if isinstance(effect, DkimResult)]
    fields = headers.all("DKIM-Signature")
    if not fields:
        return []
    # The filter yields first those that it can read, then the others.
    order = sorted(fields, key=lambda field: not _is_readable(field))
    found = {field.position: result for field, result in zip(order, results, strict=True)}
    return [Judgement(Verdict(found[f.position].value), found[f.position].reason or "") for f in fields]


def _is_readable(field: Header) -> bool:
    try:
        parse_signature(field)
    except SignatureError:
        return False
    return True
