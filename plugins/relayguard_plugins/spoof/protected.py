"""Names that must not be imitated: own and partner domains, and people, from files that are read anew when they change."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from relayguard import Mailbox, to_a_labels
from relayguard_plugins.spoof.author import suspicion
from relayguard_plugins.spoof.likeness.domains import ProtectedDomains, read_domains
from relayguard_plugins.spoof.likeness.people import Person, ProtectedPeople, read_people
from relayguard_plugins.spoof.likeness.scripts import mixed_scripts
from relayguard_plugins.spoof.names import covered
from relayguard_plugins.spoof.options import Options
from relayguard_plugins.spoof.signals import Signal, Strength, Suspicion

T = TypeVar("T")


class _Watched(Generic[T]):
    """What `read` makes of a file; it is read anew when it has changed. Raises ValueError, once for each state of the file."""

    def __init__(self, path: Path | None, read: Callable[[str], T], nothing: T) -> None:
        self._path = path
        self._read = read
        self._stamp: object = None
        self.value = nothing

    def refresh(self) -> bool:
        """Read it if it has changed; return whether it was read."""
        if self._path is None:
            return False
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.value = self._read(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{self._path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise ValueError(f"{self._path}: {error}") from error
        return True


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size, status.st_ino


class Protected:
    """The protected names of one filter. Raises ValueError if a file cannot be read."""

    def __init__(self, options: Options) -> None:
        self._own = tuple(to_a_labels(name) or "" for name in options.own_domains)
        self._honest = options.honest_domains
        self._domains_file: _Watched[list[str]] = _Watched(options.protected_domains, read_domains, [])
        self._people_file: _Watched[list[Person]] = _Watched(options.protected_people, read_people, [])
        self._build()
        self.refresh()

    def refresh(self) -> None:
        """Read the files that have changed, and swap what they hold whole."""
        if self._domains_file.refresh() | self._people_file.refresh():
            self._build()

    def _build(self) -> None:
        self._names = (*self._own, *self._domains_file.value)
        self._domains = ProtectedDomains(self._names, self._honest)
        self._people = ProtectedPeople(self._people_file.value)

    def which(self, domain: str) -> str | None:
        """Return the protected domain that `domain` is, or lies under."""
        return covered(domain, self._names)

    def domain(self, domain: str) -> Iterator[Suspicion]:
        """The signals of an author's domain that looks like another."""
        found = self._domains.resembles(domain)
        if found is not None:
            yield suspicion(Signal.LOOKALIKE, f"{domain} looks like {found.protected} ({found.kind})")
        mixed = mixed_scripts(domain)
        if mixed is not None:
            yield suspicion(Signal.MIXED_SCRIPTS, f"{domain} is written {mixed}")

    def person(self, name: str, mailbox: Mailbox, domain: str, answers: Sequence[Mailbox]) -> Iterator[Suspicion]:
        """The signal of a protected person's name at a strange address, unless answers go to that person."""
        match = self._people.resembles(name)
        if match is None or covered(domain, self._own):
            return
        known = {address.casefold() for address in match.person.addresses}
        if any(f"{each.local}@{each.domain}".casefold() in known for each in (mailbox, *answers)):
            return
        found = suspicion(Signal.NAME_PERSON, f"{name} is the name of {match.person.name}, the address is of {domain}")
        # Initials are those of many.
        yield found if match.exact else Suspicion(signal=found.signal, strength=Strength.WEAK, evidence=found.evidence)
