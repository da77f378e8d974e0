"""How counters are named and written on a Redis server. What `script.lua` writes is read here, for people."""

from hashlib import blake2b
from struct import error as StructError  # noqa: N812  # it is a class

from relayguard.core.limits import Algorithm, Charge, Standing
from relayguard.stores.arithmetic import MEMBER, Distinct, Rate, State, Window, member_name, octets_of, sound
from relayguard.stores.backend import StoreError, Trouble

_MAX_KEY = 200
_KEPT_OF_LONG_KEY = 160

_PARTS_OF_STANDING = 4


def senseless() -> StoreError:
    """Return what to raise for an answer that does not fit the question."""
    return StoreError(Trouble.BROKEN, "the server answers what nobody asked")


class KeyNames:
    """The names of counters. The tag in braces makes a cluster keep them all in one place, where one script reaches them."""

    def __init__(self, prefix: str) -> None:
        if not prefix or set(prefix) & set("{}*?[]\\"):
            raise ValueError("the prefix of a store is not empty, and holds none of {}*?[]\\")
        self._start = f"{{{prefix}}}:".encode()
        self.pattern = self._start + b"*"

    def name(self, limit: str, key: str) -> bytes:
        """Return the name of a counter. A long key is cut, and told apart by a hash; it may be given as it is shown."""
        octets = octets_of(key)
        if len(octets) > _MAX_KEY:
            octets = octets[:_KEPT_OF_LONG_KEY] + b"~" + blake2b(octets, digest_size=16).hexdigest().encode()
        return b"%b%b:%b" % (self._start, limit.replace("%", "%25").replace(":", "%3A").encode(), octets)

    def shown(self, name: bytes) -> tuple[str, str] | None:
        """Return the limit and the key of a counter, None if the name is none of ours."""
        limit, colon, key = name.removeprefix(self._start).partition(b":")
        if not (colon and name.startswith(self._start)):
            return None
        shown = limit.decode("utf-8", "surrogateescape").replace("%3A", ":").replace("%25", "%")
        return shown, key.decode("utf-8", "surrogateescape")


def charge_words(charge: Charge) -> str:
    """Return a charge as `script.lua` takes it."""
    limit = charge.limit
    member = member_name(charge.member).hex() if limit.algorithm is Algorithm.DISTINCT else ""
    return (
        f"{limit.algorithm} {limit.amount} {limit.seconds!r} {limit.burst}"
        f" {charge.cost} {1 if charge.binding else 0} {member}"
    )


def standings(answer: object, count: int) -> list[Standing]:
    """Return the answer of `script.lua` for so many charges."""
    words = answer.split() if isinstance(answer, bytes) else []
    if len(words) != _PARTS_OF_STANDING * count:
        raise senseless()
    parts = [iter(words)] * _PARTS_OF_STANDING
    try:
        return [
            Standing(admitted == b"1", float(used), int(left), float(retry_after))
            for admitted, used, left, retry_after in zip(*parts, strict=True)
        ]
    except ValueError:
        raise StoreError(Trouble.BROKEN, "the server answers no numbers") from None


def scanned(answer: object) -> tuple[bytes, list[bytes]]:
    """Return the cursor and the names that SCAN answers."""
    match answer:
        case [bytes() as cursor, list() as names]:
            return cursor, [name for name in names if isinstance(name, bytes)]
        case _:
            raise senseless()


def seconds_of(answer: object) -> float:
    """Return the time that TIME answers."""
    match answer:
        case [bytes() as seconds, bytes() as microseconds] if seconds.isdigit() and microseconds.isdigit():
            return int(seconds) + int(microseconds) / 1e6
        case _:
            raise senseless()


def state_of(text: bytes) -> State | None:
    """Return the state that was kept as a string, None if it cannot be read."""
    try:
        kind, *words = text.split()
        numbers = [float(word) for word in words]
        if kind == b"rate":
            return sound(Rate(*numbers))
        if kind != b"window":
            return None
        updated, seconds, amount, *slots = numbers
        pairs = zip(map(int, slots[::2]), slots[1::2], strict=True)
        return sound(Window(tuple(pairs), updated, seconds, amount))
    except (OverflowError, TypeError, ValueError):
        return None


def distinct_of(scored: object) -> Distinct | None:
    """Return the state that was kept as a sorted set, None if it cannot be read.

    `scored` has its members and their scores in turn, and the head before them.
    """
    words = [word for word in scored if isinstance(word, bytes)] if isinstance(scored, list) else []
    try:
        kind, *head = words[0].split()
        updated, seconds, amount = map(float, head)
        found = zip(words[2::2], words[3::2], strict=True)
        members = b"".join(MEMBER.pack(bytes.fromhex(name.decode()), float(seen)) for name, seen in found)
    except (IndexError, ValueError, StructError):
        return None
    state = Distinct(members, updated, seconds, amount)
    return state if kind == b"distinct" and sound(state) else None
