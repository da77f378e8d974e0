"""How a text looks: the skeleton of UTS 39 §4, and coarser ones for domain names and for the names of people.

Two texts with the same skeleton look the same to a person; a skeleton itself is never shown. The data is Unicode's,
read once: scripts/confusables.py writes it.
"""

import unicodedata
from importlib.resources import files

_ASCII = range(128)


def skeleton(text: str) -> str:
    r"""Return the skeleton of `text` (UTS 39 §4, without the reordering of bidirectional text). Never raises; linear.

    >>> skeleton("\u0440\u0430ypa1") == skeleton("paypal")
    True
    """
    if text.isascii():
        return text.translate(_ASCII_PROTOTYPES)
    mapped = unicodedata.normalize("NFD", text).translate(_PROTOTYPES)
    return unicodedata.normalize("NFD", mapped)


def domain_skeleton(name: str) -> str:
    r"""Return how a domain name, or one label of it, looks at a glance: without accents, with digits as letters.

    >>> domain_skeleton("ex\u00e4rnp1e") == domain_skeleton("example")
    True
    """
    if not name.isascii():
        name = _without_marks(skeleton(name.lower()))
    # Pairs that UTS 39 does not list, as it depends on the font; and one that it lists the other way round.
    return name.translate(_AS_DOMAIN).replace("rn", "m").replace("vv", "w").replace("cl", "d")


def name_skeleton(text: str) -> str:
    r"""Return how the name of a person looks at a glance: without case and accents; "I", "l" and "1" are one.

    >>> name_skeleton("JOS\u00c9") == name_skeleton("jose")
    True
    """
    if not text.isascii():
        text = _without_marks(skeleton(unicodedata.normalize("NFKC", text).casefold()))
    return text.translate(_AS_NAME).replace("rn", "m")


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    return "".join(char for char in text if unicodedata.category(char) != "Mn")


def _table(odd: str, plain: str) -> str:
    # Each ASCII character at its place: str.translate looks nothing else up as fast.
    return "".join(map(chr, _ASCII)).lower().translate(str.maketrans(odd, plain))


_AS_DOMAIN = _table("013457", "oleast")
# In common fonts the capital I is told from l by nobody, and a name is written in either case.
_AS_NAME = _table("01i|", "olll")


class _Prototypes(dict[int, int | str]):
    """Most characters are their own prototype, and saying so is cheaper than a KeyError for each."""

    def __missing__(self, code: int) -> int:
        return code


def _read_prototypes() -> _Prototypes:
    prototypes = _Prototypes()
    for line in files(__package__).joinpath("confusables.txt").read_text("ascii").splitlines():
        if not line.startswith("#"):
            target, _, sources = line.partition(":")
            prototype = "".join(chr(int(code, 16)) for code in target.split())
            for source in sources.split():
                first, _, last = source.partition("-")
                prototypes.update(dict.fromkeys(range(int(first, 16), int(last or first, 16) + 1), prototype))
    return prototypes


# Read at import, so that no message waits for it.
_PROTOTYPES = _read_prototypes()
_ASCII_PROTOTYPES = [_PROTOTYPES[code] for code in _ASCII]
