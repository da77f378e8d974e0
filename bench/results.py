"""What a run found out: plain values, kept as JSON, from which every table is made."""

from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import BaseModel, ConfigDict

Dns = Literal["warm", "cold", "late", "slow"]
"""How it answered: at once, names known or not; some time late (`run.LATE_MS`), or more of it (`run.SLOW_MS`)."""


class Value(BaseModel):
    """A plain value that knows every one of its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(Value):
    """One load on one subject.

    `cpu_ms` is CPU per message of the whole process tree, `rss_mb` its largest resident memory (shared pages
    count in each process), `pss_mb` its memory with shared pages counted once. `foreign` is how many cores
    everything else used meanwhile, `calibration` what a fixed piece of work cost then.
    """

    subject: str
    set: str
    dns: Dns
    concurrency: int
    messages: int
    errors: int
    cpu_ms: float
    per_second: float
    p50_ms: float
    p99_ms: float
    eoh_p50_ms: float
    rss_mb: float
    pss_mb: float
    queries: float
    foreign: float
    calibration: float


class Memory(Value):
    """Resident memory of a subject's largest process, in MB, after so many messages; and what one of 50 MB adds."""

    subject: str
    messages: tuple[int, ...]
    rss_mb: tuple[float, ...]
    added_by_50_mb: float


class Hostility(Value):
    """CPU milliseconds that one hostile message costs a subject, and the size of that message in MB.

    `errors` were not answered at all. Who `refused` may have been spared the work.
    """

    attack: str
    subject: str
    megabytes: float
    cpu_ms: float
    errors: int
    refused: bool


class Verdicts(Value):
    """How many of a subject's verdicts on some sets were right; `wrong` holds some that were not."""

    subject: str
    sets: str
    right: int
    checked: int
    wrong: tuple[str, ...]


class Engine(Value):
    """CPU milliseconds for a message of 10 KB without any transport: bare, and with metrics and the log line."""

    bare_ms: float
    observed_ms: float


class Results(Value):
    """A whole run. `skipped` says which peers were not there, and what installs them.

    `added_us` are the microseconds of CPU that a filter adds to a message without any transport: ``spoof``, and
    ``lmdb`` or ``redis`` for limits that are counted there.
    """

    when: str
    cores: int
    quick: bool
    versions: dict[str, str]
    skipped: tuple[str, ...]
    measured: tuple[Measured, ...]
    engine: Engine | None = None
    added_us: dict[str, float] = {}
    memory: tuple[Memory, ...] = ()
    hostility: tuple[Hostility, ...] = ()
    verdicts: tuple[Verdicts, ...] = ()

    def of(self, subject: str, name: str, concurrency: int, dns: Dns = "warm") -> tuple[Measured, ...]:
        """Return every repetition of one measurement; ``cold-1`` is one of ``cold``."""
        return tuple(
            each
            for each in self.measured
            if (each.subject, each.concurrency, each.dns) == (subject, concurrency, dns)
            and each.set.rstrip("-0123456789") == name
        )

    def subjects(self) -> list[str]:
        """Return who was measured, in order."""
        return list(dict.fromkeys(each.subject for each in self.measured))

    def save(self, path: Path) -> None:
        """Keep the results."""
        path.write_text(self.model_dump_json(indent=1))

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read results that were kept."""
        return cls.model_validate_json(path.read_text())


def middle(values: tuple[float, ...] | list[float]) -> float | None:
    """Return the median; None of nothing."""
    return median(values) if values else None
