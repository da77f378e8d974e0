"""What one generation of workers runs: the configuration, resolved, and the drop-in filters as they were read.

It is taken once and handed to every worker, so that one that is replaced at midnight runs what the others
run, whatever was saved in the folder since.
"""

import os
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from relayguard.config import Config, ConfigError, Problem


class DropIn(BaseModel):
    """A drop-in filter: the file it was read from, and its text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    path: str
    source: str


class Snapshot(BaseModel):
    """Everything that a generation is made of. `files` are those that filters look things up in, as they were checked."""

    # An option of a filter may be infinite; plain JSON would make it null.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, ser_json_inf_nan="constants")

    config: Config
    drop_ins: dict[str, DropIn]
    files: dict[str, str] = {}

    def write(self, descriptor: int) -> None:
        """Write it to a file, from its beginning."""
        left = memoryview(self.model_dump_json().encode())
        while left:
            left = left[os.write(descriptor, left) :]

    def to_file(self) -> int:
        """Return the descriptor of a file that has no name and holds it; raises OSError."""
        descriptor = os.memfd_create("relayguard-snapshot")
        try:
            self.write(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    @classmethod
    def read(cls, descriptor: int) -> "Snapshot":
        """Read what `write` wrote; leaves the file's position alone, because several processes share it."""
        size = os.fstat(descriptor).st_size
        return cls.model_validate_json(os.pread(descriptor, size, 0))


def take(config: Config) -> Snapshot:
    """Read the drop-in filters that the configuration names; raises ConfigError."""
    names = dict.fromkeys(name for listener in config.listener for name in config.filters_of(listener))
    return Snapshot(config=config, drop_ins=_read(config, names))


def _read(config: Config, names: Iterable[str]) -> dict[str, DropIn]:
    folder = config.plugin_directory
    if folder is None:
        return {}
    if not folder.is_dir():
        raise ConfigError([Problem("plugin_directory", f"{folder} is not a directory")])
    found: dict[str, DropIn] = {}
    problems: list[Problem] = []
    for name in names:
        path = folder / f"{name}.py"
        try:
            if path.is_file():
                found[name] = DropIn(path=str(path), source=path.read_text(encoding="utf-8"))
        except OSError as error:
            problems.append(Problem("filters", f"{path} cannot be read: {error.strerror}"))
        except UnicodeDecodeError as error:
            problems.append(Problem("filters", f"{path} is not UTF-8: byte {error.start}"))
    if problems:
        raise ConfigError(problems)
    return found
