"""A display name, taken apart into phrases of words, each as it looks at a glance."""

import unicodedata

from relayguard_plugins.spoof.likeness.skeleton import name_skeleton

MAX_LENGTH = 200
"""What of a display name is read: no client shows more of it."""

# What separates phrases: "Jane Doe (CEO)", "Jane Doe / Acme", and "Doe, Jane", whose halves are read as a pair.
_BETWEEN_PHRASES = '()[]{}<>/\\:;,*@"=+~&\u2013\u2014\u2015\u2022\u00b7\u00ab\u00bb\u201c\u201d\u201e\u3001\u30fb'
_BETWEEN_WORDS = "\t\r._!?#%^$\u2800"
_WITHIN_WORDS = "'`-\u00b4\u2018\u2019\u02bc\u2010\u2011"
_SEEN: dict[int, int | str | None] = (
    {code: code for code in range(128)}
    | dict.fromkeys(map(ord, _BETWEEN_PHRASES), "\n")
    | dict.fromkeys(map(ord, _BETWEEN_WORDS), " ")
    | dict.fromkeys(map(ord, _WITHIN_WORDS))
)
_BREAKS = frozenset(
    map(name_skeleton, ("via", "and", "und", "et", "or", "oder", "for", "on", "behalf", "of", "per", "from"))
)


def phrases_of(name: str) -> list[list[str]]:
    """Return the words of each phrase of `name`, in the order that they stand. Never raises; linear.

    >>> phrases_of("Dr. JANE O'Hara-Doe (via Acme)")
    [['dr', 'jane', 'oharadoe'], ['acme']]
    """
    text = name[:MAX_LENGTH]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[:MAX_LENGTH]
    # Within a word, a bar stands for a letter, and a hyphen for none.
    for spaced in (" - ", " |", "| "):
        text = text.replace(spaced, "\n")
    found: list[list[str]] = []
    for line in name_skeleton(text.translate(_SEEN)).split("\n"):
        phrase: list[str] = []
        for word in line.split():
            if word in _BREAKS:
                found.append(phrase)
                phrase = []
            else:
                phrase.append(word if word.isalnum() else "".join(filter(str.isalnum, word)))
        found.append(phrase)
    return [words for phrase in found if (words := list(filter(None, phrase)))]
