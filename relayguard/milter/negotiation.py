"""What is asked of an MTA before anything about a client is known, whichever transport asks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relayguard.core.stages import Stage
from relayguard.milter.macros import requested
from relayguard.milter.protocol import (
    NEVER_ANSWERED,
    VERSION,
    Action,
    Command,
    Negotiation,
    Packet,
    Protocol,
    ProtocolError,
    Response,
    macro_list,
)
from relayguard.pipeline.needs import Needs

ACTIONS = (
    Action.ADD_HEADERS
    | Action.CHANGE_HEADERS
    | Action.CHANGE_BODY
    | Action.ADD_RECIPIENTS
    | Action.DELETE_RECIPIENTS
    | Action.CHANGE_SENDER
    | Action.QUARANTINE
    | Action.CHOOSE_MACROS
)

NO_REPLY: Mapping[Stage, Protocol] = {
    Stage.CONNECT: Protocol.NR_CONNECT,
    Stage.HELO: Protocol.NR_HELO,
    Stage.MAIL_FROM: Protocol.NR_MAIL,
    Stage.RCPT_TO: Protocol.NR_RCPT,
}
# The MTA hands these over in one burst after the final dot; a verdict is given at the end of the message.
_NEVER_REPLIED = Protocol.NR_HEADER | Protocol.NR_END_OF_HEADERS | Protocol.NR_BODY
_NEVER_CALLED = Protocol.NO_DATA | Protocol.NO_UNKNOWN

MACRO_STAGES: Mapping[Stage, int] = {
    Stage.CONNECT: 0,
    Stage.HELO: 1,
    Stage.MAIL_FROM: 2,
    Stage.RCPT_TO: 3,
    Stage.END_OF_MESSAGE: 5,
    Stage.END_OF_HEADERS: 6,
}

_OLDEST = 2
_MOST_KEPT = 16
# Nothing of a conversation waits for these: they are looked at together with what does.
_COLLECTED = frozenset(
    {Command.MACROS, Command.CONNECT, Command.HELO, Command.MAIL, Command.RCPT, Command.DATA, Command.UNKNOWN}
    | {Command.HEADER, Command.END_OF_HEADERS, Command.BODY}
)


def wanted(needs: Needs) -> Protocol:
    """Return what may be left out of the conversation for the sake of `needs`."""
    bits = _NEVER_REPLIED | _NEVER_CALLED | Protocol.LEADING_SPACE
    for stage, bit in NO_REPLY.items():
        if stage not in needs.replies:
            bits |= bit
    return bits if needs.body else bits | Protocol.NO_BODY


@dataclass(frozen=True, slots=True)
class Terms:
    """What one MTA and we have agreed on.

    `answer` is the packet that says so; `missing` the actions that we want and do not get. `silent` are the commands
    that get no reply, `urgent` those that somebody waits for, each as the octet of the command. With `leading_space`
    the space after the colon belongs to a field's value; `skip` says that a body nobody wants can be cut short.
    """

    answer: bytes
    missing: int
    silent: frozenset[int]
    urgent: frozenset[int]
    leading_space: bool
    skip: bool


class Negotiator:
    """Agrees on terms with the MTAs of one listener; each that offers the same gets the same."""

    def __init__(self, needs: Needs) -> None:
        self._wanted = wanted(needs)
        self.macros = requested(needs.macros)
        self._kept: dict[bytes, Terms] = {}

    def agree(self, offer: bytes) -> Terms:
        """Answer the data of an MTA's negotiation packet; raises ProtocolError."""
        terms = self._kept.get(offer)
        if terms is None:
            terms = self._terms(Negotiation.decode(offer))
            if len(self._kept) < _MOST_KEPT:
                self._kept[offer] = terms
        return terms

    def _terms(self, offered: Negotiation) -> Terms:
        if offered.version < _OLDEST:
            raise ProtocolError(f"version {offered.version}")
        actions = ACTIONS & offered.actions
        taken = self._wanted & offered.protocol
        # SKIP is a reply to a chunk of the body: where none is given, it cannot be.
        skip = bool(offered.protocol & Protocol.SKIP) and not taken & (Protocol.NR_BODY | Protocol.NO_BODY)
        if skip:
            taken |= Protocol.SKIP
        lists = b""
        if actions & Action.CHOOSE_MACROS:
            lists = b"".join(macro_list(MACRO_STAGES[stage], names) for stage, names in self.macros.items())
        answer = Negotiation(min(offered.version, VERSION), actions, taken)
        silent = {command for command, bit in NEVER_ANSWERED.items() if taken & bit} | {Command.MACROS}
        return Terms(
            answer=Packet(Response.NEGOTIATE.value, answer.encode() + lists).encode(),
            missing=int(ACTIONS & ~actions),
            silent=_octets(silent),
            urgent=_octets(set(Command) - (_COLLECTED & silent)),
            leading_space=bool(taken & Protocol.LEADING_SPACE),
            skip=skip,
        )


def _octets(commands: Iterable[Command]) -> frozenset[int]:
    return frozenset(command.value[0] for command in commands)
