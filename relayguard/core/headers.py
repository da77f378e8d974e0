"""The header fields of a message: raw bytes, in order, found by name."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, overload


class Header(NamedTuple):
    """One header field.

    `value` is every byte between the colon and the final line end, so it mostly starts with a space;
    folded lines are separated by CRLF. `position` counts from the top of the message, from 0.
    """

    name: str
    value: bytes
    position: int = 0

    @property
    def text(self) -> str:
        """The value unfolded and stripped; bytes that are not UTF-8 become U+FFFD."""
        return self.value.replace(b"\r\n", b"").decode("utf-8", "replace").strip(" \t")


class Headers(Sequence[Header]):
    """All header fields of a message, from the top.

    `complete` is False if the header block is larger than a filter gets to see: then nothing may be
    concluded from the absence of a field, or from there being only one. `by_name` holds the fields of each name, in
    lower case, from the top.

    >>> headers = Headers.of(("From", b" a@example.com"), ("To", b" b@example.org"))
    >>> [header.text for header in headers.all("from")]
    ['a@example.com']
    """

    __slots__ = ("_fields", "by_name", "complete")

    def __init__(self, fields: Iterable[Header], *, complete: bool = True) -> None:
        self._fields = tuple(fields)
        self.complete = complete
        by_name: dict[str, list[Header]] = {}
        for header in self._fields:
            name = header[0].lower()
            if name in by_name:
                by_name[name].append(header)
            else:
                by_name[name] = [header]
        self.by_name: Mapping[str, Sequence[Header]] = by_name

    @classmethod
    def of(cls, *pairs: tuple[str, bytes]) -> "Headers":
        """Build the headers from ``(name, value)`` pairs, the topmost first."""
        # Every field of every message is made here: past the constructor, which costs more than all else.
        new = tuple.__new__
        return cls([new(Header, (name, value, position)) for position, (name, value) in enumerate(pairs)])

    def all(self, name: str) -> tuple[Header, ...]:
        """Return the fields called `name`, in any case, from the top."""
        return tuple(self.by_name.get(name.lower(), ()))

    def first(self, name: str) -> Header | None:
        """Return the topmost field called `name`, or None."""
        fields = self.by_name.get(name.lower())
        return fields[0] if fields else None

    def occurrence(self, header: Header) -> int:
        """Return the 1-based index of `header` among the fields of its name, as a milter counts; 0 if it is foreign."""
        fields = self.by_name.get(header.name.lower(), [])
        # Bisected: a message may hold 100,000 fields of one name, each of them forged and to be deleted.
        index = bisect_left(fields, header.position, key=lambda field: field.position)
        return index + 1 if index < len(fields) and fields[index] == header else 0

    def __contains__(self, header: object) -> bool:
        return isinstance(header, Header) and self.occurrence(header) > 0

    @overload
    def __getitem__(self, index: int) -> Header: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Header]: ...
    def __getitem__(self, index: int | slice) -> Header | Sequence[Header]:
        return self._fields[index]

    def __len__(self) -> int:
        return len(self._fields)

    def __iter__(self) -> Iterator[Header]:
        return iter(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)
