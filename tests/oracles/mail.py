"""What every judge gets, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Records = tuple[str, ...] | None
"""The TXT records at a name; None if DNS is in trouble there."""

SIGNATURE = b"dkim-signature"


@dataclass(frozen=True)
class Field:
    """A header field as it arrived: `name` may end in white space, `value` is all between the colon and its CRLF."""

    name: bytes
    value: bytes

    def is_called(self, name: bytes) -> bool:
        """Tell whether this is its name, in any case."""
        return self.name.rstrip(b" \t").lower() == name.lower()


@dataclass(frozen=True)
class Mail:
    """A message, the key records of its signers by domain name, and the time at which it is judged."""

    fields: tuple[Field, ...]
    body: bytes
    keys: Mapping[str, Records]
    now: int

    @property
    def signatures(self) -> tuple[Field, ...]:
        """The DKIM-Signature fields, from the top."""
        return tuple(field for field in self.fields if field.is_called(SIGNATURE))

    def count(self, name: bytes) -> int:
        """Return how many fields are called `name`."""
        return sum(field.is_called(name) for field in self.fields)

    def serialized(self) -> bytes:
        """Return its octets."""
        return b"".join(field.name + b":" + field.value + b"\r\n" for field in self.fields) + b"\r\n" + self.body


class Verdict(StrEnum):
    """What a judge says of one signature; REFUSED is no pass of one who does not tell errors from failures."""

    PASS = "pass"
    FAIL = "fail"
    POLICY = "policy"
    PERMERROR = "permerror"
    TEMPERROR = "temperror"
    REFUSED = "refused"


@dataclass(frozen=True)
class Judgement:
    """A verdict, and the judge's own words for it."""

    verdict: Verdict
    reason: str = ""

    def agrees_with(self, other: "Judgement") -> bool:
        """Tell whether both say the same, as far as each of them tells."""
        if Verdict.REFUSED in (self.verdict, other.verdict):
            return Verdict.PASS not in (self.verdict, other.verdict)
        return self.verdict is other.verdict
