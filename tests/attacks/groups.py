"""Rows that can share one daemon and one DNS server: a daemon for each row would take minutes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tests.attacks.cases import Case, zone_of

_TROUBLE = ("$SERVFAIL", "$SILENT")


@dataclass(frozen=True)
class _Row:
    """A row, with all that can stand in the way of another."""

    case: Case

    @cached_property
    def config(self) -> str:
        return json.dumps(self.case.config, sort_keys=True)

    @cached_property
    def lines(self) -> list[str]:
        return [line for line in zone_of(self.case).splitlines() if line]

    @cached_property
    def records(self) -> Mapping[str, set[str]]:
        """The records of each owner name, however they are spaced."""
        found: dict[str, set[str]] = {}
        for line in self.lines:
            owner, *rest = line.split()
            if owner not in _TROUBLE:
                found.setdefault(owner.lower(), set()).add(" ".join(rest))
        return found

    @cached_property
    def trouble(self) -> set[str]:
        return {line for line in self.lines if line.startswith(_TROUBLE)}

    @cached_property
    def unasked(self) -> str:
        """What no other row may lead DNS to."""
        return self.case.not_asked or self.case.asked_under

    @cached_property
    def text(self) -> str:
        case = self.case
        return "\n".join((case.mail_from, case.helo, case.message, case.above, *self.lines)).lower()

    def conflicts(self, other: "_Row") -> bool:
        return self.config != other.config or self._hinders(other) or other._hinders(self)

    def _hinders(self, other: "_Row") -> bool:
        if self.unasked and self.unasked != other.unasked and self.unasked in other.text:
            return True
        if any(other.records.get(owner, records) != records for owner, records in self.records.items()):
            return True
        names = [line.split()[1].lower() for line in self.trouble - other.trouble]
        return any(f".{owner}".endswith(f".{name}") for name in names for owner in other.records)


@dataclass
class Group:
    """Rows of one configuration whose DNS does not conflict."""

    rows: list[_Row] = field(default_factory=list)

    @property
    def cases(self) -> list[Case]:
        return [row.case for row in self.rows]

    @property
    def zone(self) -> str:
        """All that the rows have in DNS, each record once."""
        by_record = {" ".join(line.split()): line for row in self.rows for line in row.lines}
        return "\n".join(by_record.values())


def groups_of(cases: Iterable[Case]) -> list[Group]:
    """Put each row into the first group that has no conflict with it."""
    groups: list[Group] = []
    for row in map(_Row, cases):
        group = next((each for each in groups if not any(row.conflicts(other) for other in each.rows)), None)
        if group is None:
            groups.append(group := Group())
        group.rows.append(row)
    return groups
