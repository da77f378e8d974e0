"""The header fields of a message, as they come in one by one over either transport."""

import struct

from relayguard.authentication_results.render import HEADER_NAME
from relayguard.milter.protocol import MAX_PACKET, Command
from relayguard.pipeline.forged import NamePattern, is_strippable
from relayguard.pipeline.visible import LEFT_OUT, MAX_FIELDS

MAX_BYTES = 16 * 1024 * 1024
"""So much of a header block is held for one message, whatever the MTA lets through."""

# The one field that is always to be stripped.
_RESULTS = HEADER_NAME.lower().encode()
_INITIALS = frozenset(b"Aa")
_START = struct.Struct("!IBB")
_HEADER, _MACROS = Command.HEADER.value[0], Command.MACROS.value[0]


class Fields:
    """Collects fields up to their caps; of what is beyond, only what may have to be stripped.

    `leading_space` says that a value comes with the space after the colon, if it has one.
    """

    __slots__ = ("_pattern", "_room", "_taken", "leading_space")

    def __init__(self, pattern: NamePattern | None, *, leading_space: bool = True) -> None:
        self._pattern = pattern
        self.leading_space = leading_space
        self._taken: list[tuple[str, bytes]] = []
        self._room = MAX_BYTES

    @property
    def full(self) -> bool:
        """Whether nothing more is taken but Authentication-Results."""
        return len(self._taken) >= MAX_FIELDS and self._pattern is None

    def add(self, name: str, value: bytes) -> None:
        """Take one field; `value` is what follows the colon, folded as the MTA likes."""
        if not self.leading_space:
            value = b" " + value
        self._room -= len(value)
        if (len(self._taken) >= MAX_FIELDS or self._room < 0) and not is_strippable(name, self._pattern):
            # Nobody will look at it; a flood of them must cost no memory.
            self._taken.append(LEFT_OUT)
            return
        if b"\n" in value:
            # Postfix folds with LF, others with CRLF.
            value = value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self._taken.append((name, value))

    def take(self, data: bytes) -> None:
        """Take the data of a HEADER packet."""
        if len(self._taken) >= MAX_FIELDS and self._pattern is None and not _may_be_results(data):
            # A flood costs the less the sooner it is known for what it is.
            self._taken.append(LEFT_OUT)
            return
        name, _, rest = data.partition(b"\0")
        value = rest.partition(b"\0")[0]
        # Each octet of a name is one character: some MTA may let any through.
        self.add(name.decode("latin-1"), value)

    def pass_over(self, macros: bytes, data: bytes, position: int) -> int:
        """Leave out the packets of a flood that begin at `position`; return where another begins, or not all of one.

        Only when `full`. They may be mixed with `macros`, which are known.
        """
        unpack, end = _START.unpack_from, len(data)
        last, fields = end - _START.size, 0
        while position <= last:
            length, command, initial = unpack(data, position)
            after = position + 4 + length
            if after > end or not 0 < length <= MAX_PACKET:
                break
            if command == _HEADER:
                if initial in _INITIALS and _may_be_results(data[position + 5 : after]):
                    break
                fields += 1
            elif command != _MACROS or data[position + 5 : after] != macros:
                break
            position = after
        self._taken += [LEFT_OUT] * fields
        return position

    def finish(self) -> list[tuple[str, bytes]]:
        """Return them all, and begin anew."""
        taken, self._taken, self._room = self._taken, [], MAX_BYTES
        return taken


def _may_be_results(data: bytes) -> bool:
    return data[: len(_RESULTS)].lower() == _RESULTS
