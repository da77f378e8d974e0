"""The iprev filter: tells whether the client's address has a name that leads back to it (RFC 8601 §3).

It waits for nobody: the names are asked for while the message arrives, and the result is there at its end.
"""

from collections.abc import AsyncIterator, Mapping

from relayguard import (
    Answer,
    Effect,
    Envelope,
    IpAddress,
    IprevResult,
    IprevValue,
    Question,
    RecordType,
    Services,
    Session,
    Status,
    comes_from_outside,
    hookimpl,
)

MAX_NAMES = 10
"""RFC 8601 §3 wants a bound on the names of one address, and mentions this one."""

Answers = Mapping[Question, Answer]


class IprevFilter:
    """Yields one `IprevResult`, and judges nothing."""

    def __init__(self, services: Services) -> None:
        self._resolver = services.resolver

    @hookimpl
    def mail_from(self, session: Session, envelope: Envelope) -> None:
        """Ask for the names of the address."""
        address = _address(session)
        if address is not None and comes_from_outside(session, envelope):
            self._resolver.prefetch([names_question(address)])

    @hookimpl
    def end_of_headers(self, session: Session, envelope: Envelope) -> None:
        """Ask for the addresses of the names, as far as these are known."""
        address = _address(session)
        if address is None or not comes_from_outside(session, envelope):
            return
        names = self._resolver.cached(names_question(address))
        if names is not None:
            self._resolver.prefetch(address_questions(address, names))

    @hookimpl
    async def end_of_message(self, session: Session, envelope: Envelope) -> AsyncIterator[Effect]:
        """Compare."""
        address = _address(session)
        if address is None or not comes_from_outside(session, envelope):
            return
        names = await self._resolver.resolve(names_question(address))
        yield evaluate(address, names, await self._resolver.resolve_all(address_questions(address, names)))


def names_question(address: IpAddress) -> Question:
    """Return the question for the names of an address."""
    return Question(address.reverse_pointer, RecordType.PTR)


def address_questions(address: IpAddress, names: Answer) -> list[Question]:
    """Return the questions for the addresses of its names, of the same family."""
    kind = RecordType.A if address.version == 4 else RecordType.AAAA
    return [Question(name, kind) for name in names.hosts[:MAX_NAMES]]


def evaluate(address: IpAddress, names: Answer, addresses: Answers) -> IprevResult:
    """Evaluate RFC 8601 §2.7.3: a pure function of the DNS answers."""
    shown = str(address)
    if names.status is Status.TEMPERROR:
        return IprevResult(
            value=IprevValue.TEMPERROR, address=shown, reason=f"no answer for its name: {names.reason}"
        )
    if not names.hosts:
        return IprevResult(value=IprevValue.PERMERROR, address=shown, reason="it has no name")
    for question, answer in addresses.items():
        if shown in answer.hosts:
            return IprevResult(value=IprevValue.PASS, address=shown, name=question.name)
    failed = next((answer for answer in addresses.values() if answer.status is Status.TEMPERROR), None)
    if failed is not None:
        reason = f"no answer for its name's address: {failed.reason}"
        return IprevResult(value=IprevValue.TEMPERROR, address=shown, reason=reason)
    return IprevResult(value=IprevValue.FAIL, address=shown, reason="none of its names leads back to it")


def _address(session: Session) -> IpAddress | None:
    address = session.client_address
    mapped = address.ipv4_mapped if address is not None and address.version == 6 else None
    return mapped or address
