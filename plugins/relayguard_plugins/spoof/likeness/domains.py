"""Domains that resemble a protected one: one lookup in an index that is built once.

A domain is compared by its name, which is the label before the public suffix: the label that its holder chose.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from relayguard import to_a_labels
from relayguard_plugins.spoof.likeness.edits import Edit, edit_between, one_less
from relayguard_plugins.spoof.likeness.labels import to_u_labels
from relayguard_plugins.spoof.likeness.skeleton import domain_skeleton
from relayguard_plugins.spoof.likeness.suffixes import Suffixes
from relayguard_plugins.spoof.likeness.words import LONG_WORDS, WORDS


class Kind(StrEnum):
    """In which way one domain resembles another."""

    CONFUSABLE = "confusable"
    """It looks the same: letters of other scripts, accents, digits for letters, ``rn`` for ``m``."""
    OTHER_SUFFIX = "other_suffix"
    """The same name under another registry's suffix: ``example.co`` for ``example.com``."""
    HYPHEN = "hyphen"
    """A hyphen more or less: ``exam-ple.com``."""
    ADDED_WORD = "added_word"
    """The name and a word that inspires trust: ``example-support.com``."""
    DOUBLED = "doubled"
    """A letter doubled, or a double letter single: ``exammple.com``."""
    TRANSPOSED = "transposed"
    """Two neighbouring letters exchanged: ``exmaple.com``."""
    EDIT = "edit"
    """One letter more, less or another: ``exampple.com``."""
    SUBDOMAIN = "subdomain"
    """The whole domain as labels of another: ``example.com.evil.example``, ``example-com.evil.example``."""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """The protected domain that another resembles, in A-labels, and how.

    With `at_provider` somebody else holds the domain, and gives names below it to tenants who call themselves as they
    like; a customer's name is put there for honest reasons, too.
    """

    kind: Kind
    protected: str
    at_provider: bool = False


_EDITS = {Edit.DOUBLED: Kind.DOUBLED, Edit.TRANSPOSED: Kind.TRANSPOSED, Edit.OTHER: Kind.EDIT}
_WORDS = frozenset(map(domain_skeleton, WORDS))
_LONG_WORDS = frozenset(map(domain_skeleton, LONG_WORDS))
_MAX_NAME = 253
# Shorter names have too many honest neighbours one letter away, and words that begin or end with them.
_MIN_LETTERS = 5
# And these, even beside a hyphen: abc-it.com is a firm's own name, abc-billing.com is not. Of x-mail.com nobody knows.
_MIN_LETTERS_BESIDE_WORD = 3
# Under another public suffix, a name one letter away is a neighbour's neighbour, unless it is long.
_MIN_LETTERS_OTHER_SUFFIX = 8


class _Domain(NamedTuple):
    """A domain, taken apart. `whole`, `registrable` and `suffix` are in A-labels, the others in U-labels."""

    whole: str
    registrable: str
    suffix: str
    before_suffix: str
    name: str
    look: str
    """The skeleton of `name`."""


class ProtectedDomains:
    """The domains of one's own and of partners, ready for lookups.

    `names` and `honest` are domains in A- or U-labels. What is `honest`, or lies below it, resembles nothing: the
    neighbours with a similar name. `suffixes` take long to read. Raises ValueError for what is no domain.
    """

    def __init__(self, names: Iterable[str], honest: Iterable[str] = (), suffixes: Suffixes | None = None) -> None:
        self._suffixes = suffixes or Suffixes()
        protected = [self._split(_checked(name)) for name in names]
        # The domain above a protected one, up to its public suffix, is of the same holder.
        self._safe = {name for domain in protected for name in (domain.whole, domain.registrable)}
        self._safe |= set(map(_checked, honest))
        self._safe_depths = sorted({name.count(".") + 1 for name in self._safe})
        self._names: dict[str, _Domain] = {}
        self._looks: dict[str, _Domain] = {}
        self._joined: dict[str, _Domain] = {}
        self._worded: dict[str, _Domain] = {}
        self._short: dict[str, _Domain] = {}
        self._nearby: dict[str, list[_Domain]] = {}
        self._labels: dict[str, dict[tuple[str, ...], _Domain]] = {}
        for domain in protected:
            self._add(domain)
        self._longest = max(map(len, self._names), default=0)

    def resembles(self, domain: str) -> Resemblance | None:
        """Return what `domain`, in A- or U-labels, resembles; None for a protected domain and all that lies below it.

        Never raises; costs a bounded number of lookups, whatever `domain` is.
        """
        if not 0 < len(domain) <= _MAX_NAME or not self._names:
            return None
        whole = to_a_labels(domain) or domain.lower().strip(".")
        # A single label names nobody outside, and is the mark of a host that is set up badly.
        if "." not in whole or self._is_safe(whole):
            return None
        split = self._split(whole)
        # The plainest first: its kind is the one that is reported.
        found = self._by_look(split) or self._by_words(split) or self._by_edit(split) or self._by_labels(split)
        if found is None or not (found.kind is Kind.SUBDOMAIN or self._suffixes.is_of_provider(split.suffix)):
            return found
        # A tenant has no other suffix to choose.
        return None if found.kind is Kind.OTHER_SUFFIX else replace(found, at_provider=True)

    def _by_look(self, domain: _Domain) -> Resemblance | None:
        same = self._names.get(domain.name)
        if same and domain.suffix != same.suffix:
            return Resemblance(Kind.OTHER_SUFFIX, same.whole)
        return _resemblance(Kind.CONFUSABLE, self._looks.get(domain.look))

    def _by_words(self, domain: _Domain) -> Resemblance | None:
        if "-" not in domain.look:
            found = self._joined.get(domain.look)
            return _resemblance(Kind.HYPHEN, found) or _resemblance(Kind.ADDED_WORD, self._worded.get(domain.look))
        parts = domain.look.split("-")
        found = self._joined.get("".join(parts))
        if found:
            return Resemblance(Kind.HYPHEN, found.whole)
        rest = "".join(part for part in parts if part not in _WORDS)
        found = self._joined.get(rest) or self._worded.get(rest)
        beside = [part for part in parts if part not in _LONG_WORDS]
        if not found and len(beside) == 1 < len(parts):
            found = self._short.get(beside[0])
        return _resemblance(Kind.ADDED_WORD, found)

    def _by_edit(self, domain: _Domain) -> Resemblance | None:
        name = domain.name
        if not _MIN_LETTERS - 1 <= len(name) <= self._longest + 1:
            return None
        for key in (name, *one_less(name)):
            for candidate in self._nearby.get(key, ()):
                edit = edit_between(candidate.name, name)
                if edit and (domain.suffix == candidate.suffix or len(candidate.name) >= _MIN_LETTERS_OTHER_SUFFIX):
                    return Resemblance(_EDITS[edit], candidate.whole)
        return None

    def _by_labels(self, domain: _Domain) -> Resemblance | None:
        if "." not in domain.before_suffix and "-" not in domain.before_suffix:
            return None
        labels = tuple(domain_skeleton(domain.before_suffix).replace("-", ".").split("."))
        for start, first in enumerate(labels):
            for wanted, found in self._labels.get(first, {}).items():
                if labels[start : start + len(wanted)] == wanted:
                    return Resemblance(Kind.SUBDOMAIN, found.whole)
        return None

    def _is_safe(self, whole: str) -> bool:
        labels = whole.rsplit(".", self._safe_depths[-1])
        return any(".".join(labels[-depth:]) in self._safe for depth in self._safe_depths)

    def _split(self, whole: str) -> _Domain:
        # A public suffix itself, as a hoster's domain may be, is taken apart like any other.
        registrable = self._suffixes.registrable(whole) or whole
        suffix = registrable.partition(".")[2]
        before_suffix = to_u_labels(whole.removesuffix("." + suffix))
        name = before_suffix.rpartition(".")[2]
        return _Domain(whole, registrable, suffix, before_suffix, name, domain_skeleton(name))

    def _add(self, domain: _Domain) -> None:
        joined = domain.look.replace("-", "")
        if not joined:
            return
        self._names.setdefault(domain.name, domain)
        self._looks.setdefault(domain.look, domain)
        if len(domain.name) >= _MIN_LETTERS:
            self._joined.setdefault(joined, domain)
        elif len(domain.name) >= _MIN_LETTERS_BESIDE_WORD:
            self._short.setdefault(joined, domain)
        for name in (domain.whole, domain.registrable):
            labels = tuple(domain_skeleton(to_u_labels(name)).replace("-", ".").split("."))
            self._labels.setdefault(labels[0], {}).setdefault(labels, domain)
        if len(domain.name) >= _MIN_LETTERS:
            for word in _LONG_WORDS:
                self._worded.setdefault(joined + word, domain)
                self._worded.setdefault(word + joined, domain)
            for key in {domain.name, *one_less(domain.name)}:
                self._nearby.setdefault(key, []).append(domain)


def _resemblance(kind: Kind, domain: _Domain | None) -> Resemblance | None:
    return Resemblance(kind, domain.whole) if domain else None


def _checked(name: str) -> str:
    a_labels = to_a_labels(name)
    if a_labels is None:
        raise ValueError(f"no domain name: {name!r}")
    return a_labels


def read_domains(text: str, suffixes: Suffixes) -> list[str]:
    r"""Read a file of domains: one a line, ``#`` begins a comment. They are returned in A-labels.

    Raises ValueError, which names the line.

    >>> read_domains("example.com\n# partners\nb\u00fccher.example", Suffixes())
    ['example.com', 'xn--bcher-kva.example']
    """
    domains = []
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.partition("#")[0].strip()
        if name:
            try:
                domains.append(_checked(name))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
            if suffixes.is_of_registry(domains[-1]):
                raise ValueError(f"line {number}: {name!r} is a public suffix, under which anybody has a domain")
    return domains
