"""What makes a rule impossible, or two rules contradict each other: told when the configuration is checked."""

from collections.abc import Callable, Iterator
from typing import Protocol

from relayguard import IpNetwork, Role, Stage, lies_under, to_a_labels
from relayguard_plugins.ratelimit.amounts import Amount, Counted, parse_amount
from relayguard_plugins.ratelimit.conditions import Conditions
from relayguard_plugins.ratelimit.facts import KNOWN_AT, Fact

_BEFORE = {Stage.CONNECT}
_ENVELOPE = _BEFORE | {Stage.MAIL_FROM}

COUNTED_AT: dict[Counted, tuple[Stage, set[Stage]]] = {
    Counted.CONNECTIONS: (Stage.CONNECT, _BEFORE),
    Counted.MESSAGES: (Stage.MAIL_FROM, _ENVELOPE | {Stage.END_OF_HEADERS}),
    Counted.RECIPIENTS: (Stage.RCPT_TO, _ENVELOPE | {Stage.RCPT_TO, Stage.END_OF_HEADERS}),
    Counted.DISTINCT_RECIPIENTS: (Stage.RCPT_TO, _ENVELOPE | {Stage.RCPT_TO}),
    Counted.BYTES: (Stage.END_OF_MESSAGE, _ENVELOPE | {Stage.END_OF_HEADERS}),
}
"""When each is counted, and from which stages the facts may be that a rule about it asks for."""


class RuleLike(Protocol):
    """What is looked at of a rule."""

    @property
    def limit(self) -> str: ...  # noqa: D102  # as in RuleOptions
    @property
    def key(self) -> tuple[Fact, ...]: ...  # noqa: D102
    @property
    def action(self) -> str: ...  # noqa: D102
    @property
    def match(self) -> Conditions: ...  # noqa: D102
    @property
    def exempt(self) -> Conditions: ...  # noqa: D102
    @property
    def facts(self) -> set[Fact]: ...  # noqa: D102


def impossible(rule: RuleLike) -> Iterator[str]:
    """Yield why a rule can never match, or cannot do what it says; raises ValueError for a limit that is none."""
    counted = parse_amount(rule.limit).counted
    late = sorted(fact for fact in rule.facts if KNOWN_AT[fact] not in COUNTED_AT[counted][1])
    if late:
        yield f"can never match: {counted} are counted where {', '.join(late)} is not known; {_ADVICE[counted]}"
    asked = {KNOWN_AT[fact] for fact in rule.facts}
    if {Stage.RCPT_TO, Stage.END_OF_HEADERS} <= asked:
        yield "can never match: recipients are known one by one before the headers, and there all together"
    if counted is Counted.CONNECTIONS and rule.action == "quarantine":
        yield "a connection cannot be quarantined: use defer or reject"
    yield from _never(rule)


_ADVICE = {
    Counted.CONNECTIONS: "count messages",
    Counted.MESSAGES: "count recipients",
    Counted.RECIPIENTS: "",
    Counted.DISTINCT_RECIPIENTS: "count recipients",
    Counted.BYTES: "count recipients",
}


def _never(rule: RuleLike) -> Iterator[str]:
    match, exempt = rule.match.said, rule.exempt.said
    for name, values in match.items():
        covers = _COVERS[name]
        if not values:
            yield f"can never match: match.{name} is empty"
        elif all(any(covers(each, value) for each in exempt.get(name, ())) for value in values):
            yield f"can never match: all of match.{name} is exempt"
    by_login = Fact.LOGIN in rule.key or "login" in match
    possible = {Role.SUBMISSION} if by_login else {Role.INCOMING, Role.SUBMISSION}
    roles = set(match.get("role", possible))
    if by_login and Role.SUBMISSION not in roles:
        yield "can never match: who has logged in submits, and match.role names no submission"
    if roles <= set(exempt.get("role", ())):
        yield "can never match: every role that it could be about is exempt"
    whole = {network.version for network in rule.exempt.client or () if network.prefixlen == 0}
    if whole == {4, 6}:
        yield "can never match: every client is exempt"


def _covers_client(exempt: object, value: object) -> bool:
    assert isinstance(exempt, IpNetwork)
    assert isinstance(value, IpNetwork)
    return exempt.version == value.version and value.subnet_of(exempt)  # type: ignore[arg-type]  # of one version


def _covers_login(exempt: object, value: object) -> bool:
    one, other = str(exempt).casefold(), str(value).casefold()
    return one == other or (one.startswith("@") and other.endswith(one))


def _covers_address(exempt: object, value: object) -> bool:
    (local, domain), (other_local, other_domain) = _parts(exempt), _parts(value)
    if local:
        return (local, domain) == (other_local, other_domain)
    return lies_under(other_domain, domain)


def _parts(entry: object) -> tuple[str, str]:
    local, _, domain = str(entry).rpartition("@")
    return local.casefold(), to_a_labels(domain) or ""


def _equals(exempt: object, value: object) -> bool:
    return exempt == value


_COVERS: dict[str, Callable[[object, object], bool]] = {
    "listener": _equals,
    "role": _equals,
    "client": _covers_client,
    "login": _covers_login,
    "sender": _covers_address,
    "recipient": _covers_address,
    "author": _covers_address,
}


def useless_beside(one: Amount, other: Amount) -> bool:
    """Tell whether, of two limits on the same, only the stricter one would ever do anything."""
    if one.counted is not other.counted or bool(one.burst) is not bool(other.burst):
        return False
    if not one.burst:
        return one.seconds == other.seconds
    # Of two rates one may be slower, and let more come at once: then each has something to do.
    return _is_within(one, other) or _is_within(other, one)


def _is_within(one: Amount, other: Amount) -> bool:
    return one.amount * other.seconds <= other.amount * one.seconds and one.burst <= other.burst
