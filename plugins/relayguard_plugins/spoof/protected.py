"""Names that must not be imitated: own and partner domains, and people, from files that are read anew when they change."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from relayguard import Files, WatchedFile, to_a_labels
from relayguard_plugins.spoof.author import suspicion
from relayguard_plugins.spoof.likeness.domains import ProtectedDomains, read_domains
from relayguard_plugins.spoof.likeness.people import Match, ProtectedPeople, read_people
from relayguard_plugins.spoof.likeness.scripts import mixed_scripts
from relayguard_plugins.spoof.names import covered
from relayguard_plugins.spoof.options import Options
from relayguard_plugins.spoof.organisations import SUFFIXES
from relayguard_plugins.spoof.signals import Signal, Strength, Suspicion


class _Index:
    """All names at one time, ready to be looked up; `safe` are they and the honest ones."""

    def __init__(
        self, names: tuple[str, ...], safe: tuple[str, ...], domains: ProtectedDomains, people: ProtectedPeople
    ) -> None:
        self.names = names
        self.domains = domains
        self.people = people
        # Most mail is of domains that have written before.
        self.domain = lru_cache(maxsize=4096)(partial(_of_domain, domains, safe))


def _of_domain(domains: ProtectedDomains, safe: tuple[str, ...], domain: str) -> tuple[Suspicion, ...]:
    if covered(domain, safe) is not None:
        return ()
    signals = []
    found = domains.resembles(domain)
    if found is not None:
        said = suspicion(Signal.LOOKALIKE, f"{domain} looks like {found.protected} ({found.kind})")
        signals.append(replace(said, strength=Strength.MEDIUM) if found.at_provider else said)
    mixed = mixed_scripts(domain)
    if mixed is not None:
        signals.append(suspicion(Signal.MIXED_SCRIPTS, f"{domain} is written {mixed}"))
    return tuple(signals)


class Protected:
    """The protected names of one filter. Raises ValueError if a file cannot be read."""

    def __init__(self, options: Options, files: Files) -> None:
        self._own = tuple(to_a_labels(name) or "" for name in options.own_domains)
        self._honest = tuple(to_a_labels(name) or "" for name in options.honest_domains)
        domains, people = options.protected_domains, options.protected_people
        self._domains_file = (
            WatchedFile(domains, partial(read_domains, suffixes=SUFFIXES), files) if domains is not None else None
        )
        self._people_file = WatchedFile(people, read_people, files) if people is not None else None
        self._build()

    def refresh(self) -> None:
        """Read the files that have changed; raises ValueError, and keeps what it had."""
        changed = False
        try:
            for each in (self._domains_file, self._people_file):
                changed |= each is not None and each.refresh()
        finally:
            # One file that is broken does not keep the other from being heard.
            if changed:
                self._build()

    def _build(self) -> None:
        partners = self._domains_file.value if self._domains_file is not None else []
        people = self._people_file.value if self._people_file is not None else []
        names = (*self._own, *partners)
        # All made before any is put in place: a thread refreshes, and the loop looks up.
        domains = ProtectedDomains(names, self._honest, SUFFIXES)
        self._index = _Index(names, (*names, *self._honest), domains, ProtectedPeople(people))

    def which(self, domain: str) -> str | None:
        """Return the protected domain that `domain` is, lies under, or looks like."""
        whose = covered(domain, self._index.names)
        if whose is not None or not self._index.domain(domain):
            return whose
        found = self._index.domains.resembles(domain)
        return found.protected if found is not None else None

    def domain(self, domain: str) -> Sequence[Suspicion]:
        """Return the signals of an author's domain that looks like another."""
        return self._index.domain(domain)

    def person(self, name: str) -> Match | None:
        """Return the protected person whose name it is, or could be."""
        return self._index.people.resembles(name)
