"""The edit ledger: collects the edits of all filters and plans how to apply them, once, at the end."""

from dataclasses import dataclass

from relayguard.core.edits import (
    AddHeader,
    ChangeHeader,
    DeleteHeader,
    Edit,
    EnvelopeEdit,
    ReplaceBody,
)
from relayguard.core.headers import Header, Headers


@dataclass(frozen=True, slots=True)
class SetHeader:
    """Give the `occurrence`-th field called `name` (from 1) a new value; None deletes it."""

    name: str
    occurrence: int
    value: str | None


Step = SetHeader | AddHeader | EnvelopeEdit | ReplaceBody
"""One thing that an MTA can be asked to do."""


class Ledger:
    """The edits of one message, in the order of the filters.

    Of two changes to one header the later holds; a deletion beats a change.
    """

    __slots__ = ("_edits",)

    def __init__(self) -> None:
        self._edits: list[Edit] = []

    def add(self, edit: Edit) -> None:
        """Write `edit` down."""
        self._edits.append(edit)

    def __bool__(self) -> bool:
        return bool(self._edits)

    def body(self) -> bytes | None:
        """Return the body as the last filter replaced it, or None."""
        return next((edit.body for edit in reversed(self._edits) if isinstance(edit, ReplaceBody)), None)

    def _rewritten(self) -> dict[Header, str | None]:
        rewritten: dict[Header, str | None] = {}
        for edit in self._edits:
            if isinstance(edit, DeleteHeader):
                rewritten[edit.header] = None
            elif isinstance(edit, ChangeHeader) and rewritten.get(edit.header, "") is not None:
                rewritten[edit.header] = edit.value
        return rewritten

    def plan(self, headers: Headers) -> tuple[Step, ...]:
        """Return the steps that make the message as the ledger wants it.

        Changes and deletions go from the highest index down: a deletion shifts the indices above it, and
        a filter that counted upwards would leave forged headers in place (CVE-2022-48521).
        """
        rewritten = sorted(self._rewritten().items(), key=lambda item: -item[0].position)
        steps: list[Step] = [SetHeader(header.name, headers.occurrence(header), value) for header, value in rewritten]
        replaced = self.body()
        if replaced is not None:
            steps.append(ReplaceBody(replaced))
        steps += [edit for edit in self._edits if not isinstance(edit, ChangeHeader | DeleteHeader | ReplaceBody)]
        return tuple(steps)

    def preview(self, headers: Headers) -> Headers:
        """Return the headers as they will leave."""
        rewritten = self._rewritten()
        top: list[tuple[str, bytes]] = []
        bottom: list[tuple[str, bytes]] = []
        for edit in self._edits:
            if isinstance(edit, AddHeader):
                pair = (edit.name, field_value(edit.value))
                top.insert(0, pair) if edit.at_top else bottom.append(pair)
        kept: list[tuple[str, bytes]] = []
        for header in headers:
            value = rewritten.get(header, header.value)
            if value is not None:
                kept.append((header.name, field_value(value) if isinstance(value, str) else value))
        return Headers.of(*top, *kept, *bottom)


def field_value(value: str) -> bytes:
    """Return what a new value is on the wire: a leading space, folds as CRLF."""
    return b" " + value.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8")
