"""How counters lie in a file: keys that people can read, and states as packed numbers."""

from collections.abc import Iterable
from hashlib import blake2b
from itertools import starmap
from struct import Struct
from struct import error as struct_error

from relayguard.stores.arithmetic import (
    MEMBER,
    STEP_SECONDS,
    Distinct,
    Rate,
    State,
    Window,
    expires,
    octets_of,
    sound,
)

MAX_KEY = 511
"""The longest key that LMDB takes."""

_DIGEST_SIZE = 16

_RATE, _DISTINCT, _WINDOW = 1, 3, 4
"""The first octet of a value. Another layout gets another number: what is not known counts as nothing."""

_KINDS = frozenset({_RATE, _WINDOW, _DISTINCT})

# Each begins with its kind, when it expires and when it was last changed: a sweep reads no more.
_HEAD = Struct("<Bdd")
HEAD_OCTETS = _HEAD.size
_RATE_RECORD = Struct("<Bddd")
_SLOT = Struct("<qd")
_RECORD = Struct("<Bdddd")


def counter_key(limit: str, key: str) -> bytes:
    """Return the key under which a counter is kept. The end of one that is too long is told by its hash."""
    whole = octets_of(f"{limit}\0{key}")
    if len(whole) <= MAX_KEY:
        return whole
    digest = blake2b(whole, digest_size=_DIGEST_SIZE).hexdigest().encode()
    return whole[: MAX_KEY - len(digest) - 1] + b"~" + digest


def names(counter: bytes) -> tuple[str, str]:
    """Return the limit and the key of a counter; `counter_key` gives the same counter for them."""
    limit, _, key = counter.decode("utf-8", "surrogateescape").partition("\0")
    return limit, key


def encode(state: State) -> bytes:
    """Pack a state."""
    if isinstance(state, Rate):
        return _RATE_RECORD.pack(_RATE, state.full, state.updated, state.span)
    kind = _WINDOW if isinstance(state, Window) else _DISTINCT
    head = _RECORD.pack(kind, expires(state), state.updated, state.seconds, state.amount)
    return head + (b"".join(starmap(_SLOT.pack, state.slots)) if isinstance(state, Window) else state.members)


def decode(value: bytes) -> State | None:
    """Unpack a state; None if it is none."""
    try:
        kind = value[0]
        if kind == _RATE:
            _, full, updated, span = _RATE_RECORD.unpack(value)
            return sound(Rate(full, span, updated))
        _, _, updated, seconds, amount = _RECORD.unpack_from(value)
        rest = value[_RECORD.size :]
        if kind == _WINDOW:
            return sound(Window(tuple(_SLOT.iter_unpack(rest)), updated, seconds, amount))
        if kind == _DISTINCT and len(rest) % MEMBER.size == 0:
            return sound(Distinct(rest, updated, seconds, amount))
    except (IndexError, struct_error):
        pass
    return None


def due(counters: Iterable[tuple[bytes, bytes]], now: float) -> list[bytes]:
    """Return the keys of those that a sweep should look at more closely: of values, the first `HEAD_OCTETS` are enough."""
    found: list[bytes] = []
    head, size, behind = _HEAD.unpack_from, _HEAD.size, now + STEP_SECONDS
    for counter, value in counters:
        if len(value) < size:
            found.append(counter)
            continue
        kind, ends, updated = head(value)
        if ends < now or updated > behind or kind not in _KINDS:
            found.append(counter)
    return found
