"""The options of the rate limit filter, and what makes a rule impossible."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from relayguard import Stage
from relayguard_plugins.ratelimit.amounts import Amount, parse_amount
from relayguard_plugins.ratelimit.conditions import Conditions
from relayguard_plugins.ratelimit.contradictions import COUNTED_AT, impossible, useless_beside
from relayguard_plugins.ratelimit.facts import KNOWN_AT, Fact

Action = Literal["defer", "reject", "quarantine", "shadow"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")

_ORDER: tuple[Stage, ...] = tuple(Stage)
_NONE = Conditions()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOptions:
    """One ``[[filter.ratelimit.rule]]`` table.

    `limit` says how much is allowed, `key` by what it is counted. The rule is for what is all of `match`, and not
    for what is any of `exempt`. `overrides` is a TOML file of other limits for single keys; it is read anew when it
    has changed. An address belongs to a network of `ipv4_prefix` or `ipv6_prefix` bits. What stands behind the
    `delimiter` of a mailbox is no part of it.
    """

    name: str
    limit: str
    key: tuple[Fact, ...]
    action: Action = "defer"
    match: Conditions = _NONE
    exempt: Conditions = _NONE
    ipv4_prefix: int = 24
    ipv6_prefix: int = 64
    delimiter: str = "+"
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
            if _same(one) == _same(other) and useless_beside(one.amount, other.amount):
                raise ValueError(
                    f"{one.name} and {other.name} contradict each other: "
                    f"the same is limited to {one.limit!r} and {other.limit!r}"
                )


def _same(rule: RuleOptions) -> tuple[object, ...]:
    """What two rules have in common that are about the same."""
    reading = (rule.ipv4_prefix, rule.ipv6_prefix) if Fact.NETWORK in rule.key else ()
    conditions = [
        frozenset((name, frozenset(values)) for name, values in each.said.items())
        for each in (rule.match, rule.exempt)
    ]
    return frozenset(rule.key), reading, rule.delimiter, *conditions, rule.overrides, rule.action


def _problems(rule: RuleOptions) -> Iterator[str]:
    if not _NAME.match(rule.name):
        yield "a name is of a-z, 0-9, - and _, and begins with a letter"
    if not 8 <= rule.ipv4_prefix <= 32 or not 16 <= rule.ipv6_prefix <= 128:
        yield "ipv4_prefix must be 8 to 32, ipv6_prefix 16 to 128"
    if len(rule.delimiter) > 1 or rule.delimiter in ("@", '"', " "):
        yield "delimiter must be one character, such as + or -, or empty"
    if not rule.key or len(set(rule.key)) < len(rule.key):
        yield "key must name at least one fact, and none of them twice"
    yield from impossible(rule)
