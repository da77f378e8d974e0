"""A file of who may write as whom, in the format of Postfix's ``smtpd_sender_login_maps``: one file for both.

The other way round, a login and its addresses, could not be told from it where logins are addresses.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from relayguard import Files, WatchedFile
from relayguard_plugins.sender_login.addresses import read_entry
from relayguard_plugins.sender_login.owners import read_logins


class MapFile:
    """The entries of a file, as `Owners`. Raises ValueError if it cannot be read."""

    def __init__(self, path: Path, files: Files) -> None:
        self._file = WatchedFile(path, _read, files)

    def refresh(self) -> None:
        """Read the file if it has changed; raises ValueError, once for each trouble, and keeps what it had."""
        self._file.refresh()

    def logins(self, entry: str) -> frozenset[str] | None:
        """See `Owners`."""
        return self._file.value.get(entry)


def _read(text: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, tuple[int, frozenset[str]]] = {}
    for number, line in _logical_lines(text.encode()):
        try:
            entry, logins = _read_line(line)
            _check_new(entry, found)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        found[entry] = number, logins
    return {entry: logins for entry, (_, logins) in found.items()}


def _logical_lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and octets of each entry. Postfix's postmap(1): a line that begins with white space goes on with the last."""
    number, parts = 0, [b""]
    for at, line in enumerate(raw.split(b"\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith(b"#"):
            continue
        if line[:1].isspace() and number:
            parts.append(stripped)
            continue
        if number:
            yield number, b" ".join(parts)
        number, parts = at, [stripped]
    if number:
        yield number, b" ".join(parts)


def _read_line(line: bytes) -> tuple[str, frozenset[str]]:
    # As octets: in text, what separates would be more than ASCII's white space.
    address, *rest = (word.decode("utf-8") for word in line.split(maxsplit=1))
    entry = read_entry(address)
    logins = read_logins("".join(rest))
    if not logins:
        raise ValueError(f"{entry} has no login: write 'address login, login'")
    return entry, logins


def _check_new(entry: str, found: Mapping[str, tuple[int, frozenset[str]]]) -> None:
    if entry in found:
        # Postfix takes the first and warns; whoever reads the file may believe the second.
        raise ValueError(f"{entry} stands in line {found[entry][0]} already: give it all its logins there")
