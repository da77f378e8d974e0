"""Files of the operator that filters look things up in, and that may change while the daemon runs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from relayguard.services import Files

T = TypeVar("T")

MAX_BYTES = 64 * 1024 * 1024


class OperatorFiles:
    """See `relayguard.services.Files`. `kept` are texts as they were checked, by path; `seen` those that were read."""

    def __init__(self, kept: Mapping[str, str] | None = None) -> None:
        self._kept = kept or {}
        self.seen: dict[str, str] = {}

    def text(self, path: Path) -> str:
        """See `Files`."""
        name = str(path)
        text = self._kept.get(name)
        if text is None:
            text = self.seen[name] = read_text(path)
        return text


def read_text(path: Path) -> str:
    """Return the text of a file; raises ValueError that names it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path}: larger than {MAX_BYTES >> 20} MB")
        # A byte order mark, which some editors write, is no part of the first entry.
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}: line {line}: not UTF-8") from error


class WatchedFile(Generic[T]):
    """What `parse` makes of the text of a file; `parse` raises ValueError for what it cannot read.

    It is read at once, as it was when the configuration was checked: a worker that is replaced while the file is
    broken starts all the same. Call `refresh` now and then, in a thread.
    """

    def __init__(self, path: Path, parse: Callable[[str], T], files: Files) -> None:
        self._path = path
        self._parse = parse
        self._stamp: object = None
        self._trouble = ""
        self.value = self._parsed(files.text(path))

    def refresh(self) -> bool:
        """Read the file if it has changed, and tell whether it was read.

        Raises ValueError, once for each trouble, and keeps the value that it had.
        """
        try:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return False
            text = read_text(self._path)
        except (OSError, ValueError) as error:
            # Tried again each time: nothing of the file itself need change for it to be readable.
            self._tell(str(error))
            return False
        self._stamp, self._trouble = stamp, ""
        # Swapped whole: who looks up meanwhile sees all of the old or all of the new.
        self.value = self._parsed(text)
        return True

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            raise ValueError(trouble)

    def _parsed(self, text: str) -> T:
        try:
            return self._parse(text)
        except ValueError as error:
            raise ValueError(f"{self._path}: {error}") from error


def _stamp(path: Path) -> object:
    status = path.stat()
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
