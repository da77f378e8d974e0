"""Which scripts a text is written in, and labels that mix them as honest ones do not (UTS 39 §5).

The data is Unicode's, read once: scripts/confusables.py writes it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import reduce
from importlib.resources import files
from operator import itemgetter

from relayguard_plugins.spoof.likeness.labels import to_u_labels
from relayguard_plugins.spoof.likeness.skeleton import skeleton

_LATIN = "Latn"
_COMMON = frozenset({"Zyyy", "Zinh"})
# UTS 39 §5.1, Augmented script set: what is written beside what, in Chinese, Japanese and Korean.
_AUGMENTED = {
    "Hani": frozenset({"Hanb", "Jpan", "Kore"}),
    "Hira": frozenset({"Jpan"}),
    "Kana": frozenset({"Jpan"}),
    "Hang": frozenset({"Kore"}),
    "Bopo": frozenset({"Hanb"}),
}
# UTS 39 §5.2, Highly Restrictive: each of these may be mixed with Latin.
_BESIDE_LATIN = ("Jpan", "Hanb", "Kore")
_UNKNOWN = frozenset({"Zzzz"})
_MAX_NAME = 253


def scripts_of(char: str) -> frozenset[str]:
    r"""Return the augmented script set of one character (UTS 39 §5.1), as ISO 15924 codes; empty if it fits any script.

    >>> scripts_of("\u0430")
    frozenset({'Cyrl'})
    """
    return _RANGES[bisect_right(_STARTS, ord(char)) - 1][1]


def mixed_scripts(domain: str) -> str | None:
    r"""Return the first label of `domain`, as a U-label, that is written to deceive; None if there is none.

    That is a label that is not at least Highly Restrictive (UTS 39 §5.2), or one in another script that looks
    Latin throughout, unless the last label is in that script as well. Never raises; linear.

    >>> mixed_scripts("p\u0430ypal.com") == "p\u0430ypal"
    True
    """
    if (domain.isascii() and "xn--" not in domain) or len(domain) > _MAX_NAME:
        return None
    labels = to_u_labels(domain.lower()).split(".")
    return next((label for label in labels if not label.isascii() and _deceives(label, labels[-1])), None)


def _deceives(label: str, last_label: str) -> bool:
    sets = {scripts for scripts in map(scripts_of, label) if scripts}
    resolved = _resolved(sets)
    if not resolved:
        return bool(sets) and not any(
            all(_LATIN in scripts or other in scripts for scripts in sets) for other in _BESIDE_LATIN
        )
    if _LATIN in resolved or _resolved({resolved, *map(scripts_of, last_label)} - {frozenset()}):
        return False
    return skeleton(label).isascii()


def _resolved(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return reduce(frozenset.intersection, sets) if sets else frozenset()


def _augmented(scripts: frozenset[str]) -> frozenset[str]:
    if scripts & _COMMON:
        return frozenset()
    return scripts.union(*(_AUGMENTED.get(script, frozenset()) for script in scripts))


def _ranges() -> Iterator[tuple[int, int, frozenset[str]]]:
    for line in files(__package__).joinpath("scripts.txt").read_text("ascii").splitlines():
        if not line.startswith("#"):
            names, _, members = line.partition(":")
            scripts = _augmented(frozenset(names.split()))
            for member in members.split():
                first, _, last = member.partition("-")
                yield int(first, 16), int(last or first, 16), scripts


def _without_gaps() -> Iterator[tuple[int, frozenset[str]]]:
    """Where each range begins, and its scripts."""
    expected = 0
    for first, last, scripts in sorted(_ranges(), key=itemgetter(0)):
        if first > expected:
            yield expected, _UNKNOWN
        yield first, scripts
        expected = last + 1
    yield expected, _UNKNOWN


# Read at import, so that no message waits for it.
_RANGES = tuple(_without_gaps())
_STARTS = [start for start, _ in _RANGES]
