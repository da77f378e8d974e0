"""Names that look like those of protected people, however they are written: one lookup in an index built once."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from relayguard import parse_path
from relayguard_plugins.spoof.likeness.displayed import MAX_LENGTH, phrases_of
from relayguard_plugins.spoof.likeness.skeleton import name_skeleton


@dataclass(frozen=True, slots=True)
class Person:
    """A protected person, and the addresses that are really theirs, with the domain in A-labels."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The person whose name it is; `exact` is False for an initial, or if words stand beside that may belong to it.

    Where several people have that name, `person` has all their names and addresses.
    """

    person: Person
    exact: bool


_HONORIFICS = "dr mr mrs ms mx miss prof professor sir madam herr frau"
_HONORIFIC_WORDS = frozenset(map(name_skeleton, _HONORIFICS.split()))
# Some of them are names as well: "Md Rahman".
_TITLES = """
dipl ing mag phd md jr sr ii iii iv esq mba cpa llm
ceo cfo coo cto cio ciso hr chairman chairwoman chair president vice vp director managing chief executive
financial operating officer manager
"""
_TITLE_WORDS = _HONORIFIC_WORDS.union(map(name_skeleton, _TITLES.split()))
_PARTICLES = "van der den de la le von zu zur da dos di del della du el al bin ben ten ter"
_PARTICLE_WORDS = frozenset(map(name_skeleton, _PARTICLES.split()))
# "Jan Willem P. van der Berg".
_MAX_BETWEEN = 5
# Names are spelt so where the keyboard, or the passport, has no such letters.
_SPELT_OUT = str.maketrans({"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00e5": "aa", "\u00f8": "oe"})
_UNSPACED = ("CJK ", "HANGUL ", "HIRAGANA ", "KATAKANA ")


class ProtectedPeople:
    """The people whose names are worth forging, ready for lookups.

    Raises ValueError for a name of one word: it would match every other person of that name. A word is enough in
    scripts that put no space between the parts of a name.
    """

    def __init__(self, people: Iterable[Person]) -> None:
        same: dict[str, dict[Person, bool]] = {}
        self._lasts: dict[str, set[str]] = {}
        protected = set()
        for person in people:
            for words in _spellings(person.name):
                protected |= set(words)
                self._lasts.setdefault(words[-1], set(_PARTICLE_WORDS)).update(words[1:-1])
                for key, exact in _keys(words):
                    known = same.setdefault(key, {})
                    known[person] = exact or known.get(person, False)
        self._by_key = {key: Match(_merged(list(known)), any(known.values())) for key, known in same.items()}
        self._titles = _TITLE_WORDS - protected

    def resembles(self, display_name: str) -> Match | None:
        """Return whose name a display name (encoded words decoded) holds. Never raises; linear, and cut short.

        >>> jane = Person("Jane Doe", ("jane@example.com",))
        >>> ProtectedPeople([jane]).resembles("DOE, Dr. Jane (CEO)") == Match(jane, exact=True)
        True
        """
        phrases = [[word for word in phrase if word not in self._titles] for phrase in phrases_of(display_name)]
        weak = None
        for index, words in enumerate(phrases):
            for match in self._in_phrase(words, phrases[index + 1] if index + 1 < len(phrases) else []):
                if match.exact:
                    return match
                weak = weak or match
        return weak

    def _in_phrase(self, words: list[str], following: list[str]) -> Iterator[Match]:
        whole = self._by_key.get("".join(words))
        if whole:
            yield whole
        for place, last in enumerate(words):
            before = self._lasts.get(last)
            if before is None:
                continue
            ends = place == len(words) - 1
            for start in range(max(0, place - _MAX_BETWEEN - 1), place):
                yield from self._found(words[start], last, alone=ends and start == 0)
            # "DOE Jane" and "van der Berg, Jan": what stands before can only be a part of the last name.
            if before.issuperset(words[:place]):
                if not ends:
                    yield from self._found(words[place + 1], last, alone=place + 2 == len(words))
                elif following:
                    yield from self._found(following[0], last, alone=True)

    def _found(self, given: str, last: str, *, alone: bool) -> Iterator[Match]:
        match = self._by_key.get(f"{given} {last}")
        if match:
            yield match if alone or not match.exact else Match(match.person, exact=False)


def _spellings(name: str) -> set[tuple[str, ...]]:
    """The words of a protected name, in each way that it is spelt."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    texts = {plain, plain.translate(_SPELT_OUT), plain.replace("-", " ")}
    found = {tuple(word for phrase in phrases_of(text) for word in phrase) for text in texts}
    usable = _without(_TITLE_WORDS, found) or _without(_HONORIFIC_WORDS, found)
    if not usable or len(name) > MAX_LENGTH:
        raise ValueError(
            f"a protected name needs a given name and a last name, and no more than {MAX_LENGTH} "
            f"characters: {name[:MAX_LENGTH]!r}"
        )
    return usable


def _without(left_out: frozenset[str], spellings: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    return set(filter(_is_usable, (tuple(word for word in words if word not in left_out) for words in spellings)))


def _is_usable(words: tuple[str, ...]) -> bool:
    return len(words) > 1 or (len(words) == 1 and len(words[0]) > 1 and _is_unspaced(words[0]))


def _is_unspaced(text: str) -> bool:
    return all(unicodedata.name(char, "").startswith(_UNSPACED) for char in unicodedata.normalize("NFC", text))


def _keys(words: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """What of a name is looked up, and whether it is the whole name."""
    yield "".join(words), _is_unspaced("".join(words))
    if len(words) > 1:
        yield f"{words[0]} {words[-1]}", True
        yield f"{words[0][0]} {words[-1]}", len(words[0]) == 1
    if len(words) > 2:
        yield f"{words[0]}{words[1]} {words[-1]}", True


def _merged(people: list[Person]) -> Person:
    if len(people) == 1:
        return people[0]
    addresses = dict.fromkeys(address for person in people for address in person.addresses)
    return Person(" / ".join(dict.fromkeys(person.name for person in people)), tuple(addresses))


def read_people(text: str) -> list[Person]:
    """Read a file of people: a name and addresses on each line; ``#`` begins a comment.

    Raises ValueError, which names the line.

    >>> read_people("Jane Doe <jane@example.com>, <j.doe@example.org>")
    [Person(name='Jane Doe', addresses=('jane@example.com', 'j.doe@example.org'))]
    """
    people = []
    for number, line in enumerate(text.splitlines(), start=1):
        # A local part may hold a number sign.
        stripped = f" {line}".partition(" #")[0].strip()
        if stripped:
            try:
                people.append(_person(stripped))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return people


def _person(line: str) -> Person:
    name, _, rest = line.partition("<")
    name = name.strip()
    if "," in name or '"' in name:
        raise ValueError(f"a name is written without quotes and commas, the given name first: {name!r}")
    _spellings(name)
    return Person(name, tuple(map(_address, f"<{rest}".split(","))))


def _address(text: str) -> str:
    text = text.strip()
    address = parse_path(text.encode("utf-8", "replace"))
    if not (text.startswith("<") and text.endswith(">")) or not str(address):
        raise ValueError(f"no address in angle brackets: {text!r}")
    return str(address)
