"""Reads disagreements.toml, and finds the row that explains a disagreement."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.oracles.mail import Judgement, Verdict
from tests.oracles.traits import TRAITS, Signed

FILE = Path(__file__).parent / "disagreements.toml"


@dataclass(frozen=True)
class Disagreement:
    """What an oracle and we say of one signature, where it is not the same."""

    oracle: str
    signed: Signed
    ours: Judgement
    theirs: Judgement

    def __str__(self) -> str:
        """Return both verdicts."""
        ours, theirs = self.ours, self.theirs
        return f"we say {ours.verdict} ({ours.reason}), {self.oracle} says {theirs.verdict} ({theirs.reason})"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A kind of disagreement; disagreements.toml says what its keys mean."""

    id: str
    oracle: str
    about: str
    right: str
    why: str
    ours: frozenset[Verdict] = frozenset(Verdict)
    our_reason: re.Pattern[str] = re.compile("")
    theirs: frozenset[Verdict] = frozenset(Verdict)
    their_reason: re.Pattern[str] = re.compile("")
    traits: tuple[str, ...] = ()

    def explains(self, found: Disagreement) -> bool:
        """Tell whether `found` is of this kind."""
        return (
            found.oracle == self.oracle
            and found.ours.verdict in self.ours
            and found.theirs.verdict in self.theirs
            and self.our_reason.match(found.ours.reason) is not None
            and self.their_reason.match(found.theirs.reason) is not None
            and all(TRAITS[trait](found.signed) for trait in self.traits)
        )


def _row(
    *,
    ours: list[str] | None = None,
    theirs: list[str] | None = None,
    our_reason: str = "",
    their_reason: str = "",
    traits: list[str] | None = None,
    **texts: str,
) -> Row:
    return Row(
        ours=frozenset(map(Verdict, ours or Verdict)),
        theirs=frozenset(map(Verdict, theirs or Verdict)),
        our_reason=re.compile(our_reason),
        their_reason=re.compile(their_reason),
        traits=tuple(traits or ()),
        **texts,
    )


def read() -> list[Row]:
    """Return the rows of the table; an unknown key is a TypeError."""
    return [_row(**row) for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["row"]]
