"""The options of the rate limit filter, and what makes a rule impossible."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from relayguard import Role, Stage
from relayguard_plugins.ratelimit.amounts import Amount, Counted, parse_amount
from relayguard_plugins.ratelimit.conditions import Conditions
from relayguard_plugins.ratelimit.facts import KNOWN_AT, Fact

Action = Literal["defer", "reject", "quarantine", "shadow"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")

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

_ORDER: tuple[Stage, ...] = tuple(Stage)
_NONE = Conditions()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOptions:
    """One ``[[filter.ratelimit.rule]]`` table.

    `limit` says how much is allowed, `key` by what it is counted. The rule is for what is all of `match`, and not
    for what is any of `exempt`. `overrides` is a TOML file of other limits for single keys; it is read anew when it
    has changed. An address belongs to a network of `ipv4_prefix` or `ipv6_prefix` bits.
    """

    name: str
    limit: str
    key: tuple[Fact, ...]
    action: Action = "defer"
    match: Conditions = _NONE
    exempt: Conditions = _NONE
    ipv4_prefix: int = 24
    ipv6_prefix: int = 64
    overrides: Path | None = None

    def __post_init__(self) -> None:
        try:
            problem = next(_problems(self), None)
        except ValueError as error:
            problem = str(error)
        if problem is not None:
            raise ValueError(f"{self.name}: {problem}")

    @property
    def amount(self) -> Amount:
        """What the rule allows."""
        return parse_amount(self.limit)

    @property
    def facts(self) -> set[Fact]:
        """All facts that the rule asks for."""
        return {*self.key, *self.match.facts, *self.exempt.facts}

    @property
    def stage(self) -> Stage:
        """Where it is counted: as soon as all is known."""
        stages = [COUNTED_AT[self.amount.counted][0], *(KNOWN_AT[fact] for fact in self.facts)]
        return _ORDER[max(map(_ORDER.index, stages))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.ratelimit]`` table."""

    rule: tuple[RuleOptions, ...] = ()

    def __post_init__(self) -> None:
        for one, other in combinations(self.rule, 2):
            if one.name == other.name:
                raise ValueError(f"two rules are called {one.name!r}")
            if _same(one) == _same(other):
                raise ValueError(
                    f"{one.name} and {other.name} contradict each other: "
                    f"the same is limited to {one.limit!r} and {other.limit!r}"
                )


def _same(rule: RuleOptions) -> tuple[object, ...]:
    """What two rules must not have in common: then only the stricter one would ever do anything."""
    amount = rule.amount
    prefixes = (rule.ipv4_prefix, rule.ipv6_prefix) if Fact.NETWORK in rule.key else ()
    about = (amount.counted, amount.seconds, bool(amount.burst), frozenset(rule.key), prefixes)
    return (*about, rule.match, rule.exempt, rule.action == "shadow")


def _problems(rule: RuleOptions) -> Iterator[str]:
    if not _NAME.match(rule.name):
        yield "a name is of a-z, 0-9, - and _, and begins with a letter"
    if not 8 <= rule.ipv4_prefix <= 32 or not 16 <= rule.ipv6_prefix <= 128:
        yield "ipv4_prefix must be 8 to 32, ipv6_prefix 16 to 128"
    if not rule.key or len(set(rule.key)) < len(rule.key):
        yield "key must name at least one fact, and none of them twice"
    # Where there is no limit, nothing more can be said.
    counted = parse_amount(rule.limit).counted
    stages = COUNTED_AT[counted][1]
    late = sorted(fact for fact in rule.facts if KNOWN_AT[fact] not in stages)
    if late:
        yield f"can never match: {counted} are counted where {', '.join(late)} is not known; {_ADVICE[counted]}"
    asked = {KNOWN_AT[fact] for fact in rule.facts}
    if {Stage.RCPT_TO, Stage.END_OF_HEADERS} <= asked:
        yield "can never match: recipients are known one by one before the headers, and there all together"
    if counted is Counted.CONNECTIONS and rule.action == "quarantine":
        yield "a connection cannot be quarantined: use defer or reject"
    yield from _contradictions(rule)


_ADVICE = {
    Counted.CONNECTIONS: "count messages",
    Counted.MESSAGES: "count recipients",
    Counted.RECIPIENTS: "",
    Counted.DISTINCT_RECIPIENTS: "count recipients",
    Counted.BYTES: "count recipients",
}


def _contradictions(rule: RuleOptions) -> Iterator[str]:
    match, exempt = rule.match.said, rule.exempt.said
    for name, values in match.items():
        if not values:
            yield f"can never match: match.{name} is empty"
        elif set(values) <= set(exempt.get(name, ())):
            yield f"can never match: all of match.{name} is exempt"
    roles = match.get("role")
    if roles and Role.SUBMISSION not in roles and (Fact.LOGIN in rule.key or "login" in match):
        yield "can never match: who has logged in submits, and match.role names no submission"
