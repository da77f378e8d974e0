"""Names that are one slip of the pen apart, found by what is left when one letter is taken away.

Two names one edit apart share one of the texts that `one_less` gives, or one of them is such a text of the other:
an index of these finds all neighbours in as many lookups as the name has letters (symmetric deletion).
"""

from collections.abc import Iterator
from enum import StrEnum


class Edit(StrEnum):
    """What makes one name of another."""

    DOUBLED = "doubled"
    """A letter is doubled, or a double one single."""
    TRANSPOSED = "transposed"
    """Two neighbouring letters are exchanged."""
    OTHER = "other"
    """One letter is more, less or another."""


def one_less(name: str) -> Iterator[str]:
    """Yield `name` without one letter, for each of its letters.

    >>> list(one_less("abc"))
    ['bc', 'ac', 'ab']
    """
    return (name[:place] + name[place + 1 :] for place in range(len(name)))


def edit_between(one: str, other: str) -> Edit | None:
    """Return the one edit that makes `other` of `one`; None if they are equal or further apart. Linear.

    >>> edit_between("example", "exmaple")
    <Edit.TRANSPOSED: 'transposed'>
    """
    if one == other or abs(len(one) - len(other)) > 1:
        return None
    short, long = sorted((one, other), key=len)
    start = _common(short, long)
    if len(short) < len(long):
        # Where a letter is repeated, the one that is more is the last of them.
        kind = Edit.DOUBLED if start and long[start - 1] == long[start] else Edit.OTHER
        return kind if short[start:] == long[start + 1 :] else None
    if short[start + 1 :] == long[start + 1 :]:
        return Edit.OTHER
    exchanged = short[start + 1] + short[start] + short[start + 2 :]
    return Edit.TRANSPOSED if exchanged == long[start:] else None


def _common(one: str, other: str) -> int:
    return next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
