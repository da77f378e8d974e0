"""What a worker is started with: an argument of its command line, and the descriptors that it names."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who serves what. `socket`, `channel`, `snapshot` and `crash` are file descriptors.

    `crash` is a file for the last words of a process that dies; `cpu` the core that it keeps to, if any;
    `metrics` the folder in which the file of `slot` lies.
    """

    listener: str
    generation: int
    slot: int
    socket: int
    channel: int
    snapshot: int
    crash: int
    metrics: str
    cpu: int | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the process must inherit."""
        return self.socket, self.channel, self.snapshot, self.crash

    def argument(self) -> str:
        """Return it as one command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, argument: str) -> "Assignment":
        """Read what `argument` wrote."""
        return cls(**json.loads(argument))
