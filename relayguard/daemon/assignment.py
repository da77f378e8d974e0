"""What a worker is started with: an argument of its command line, and the descriptors that it names."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from relayguard.config import TransportName


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who serves what. `sockets` (by listener), `channel`, `snapshot` and `crash` are file descriptors.

    `crash` is a file for the last words of a process that dies; `cpu` the core that it keeps to, if any;
    `metrics` the folder in which the file of `slot` lies; `workers` how many serve on this host.
    """

    sockets: dict[str, int]
    transport: TransportName
    generation: int
    slot: int
    channel: int
    snapshot: int
    crash: int
    metrics: str
    workers: int = 1
    cpu: int | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the process must inherit."""
        return *self.sockets.values(), self.channel, self.snapshot, self.crash

    @property
    def listener(self) -> str:
        """The name of the listener, or those of several, for metrics and logs."""
        return joined(self.sockets)

    def argument(self) -> str:
        """Return it as one command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, argument: str) -> "Assignment":
        """Read what `argument` wrote."""
        return cls(**json.loads(argument))


def joined(listeners: Iterable[str]) -> str:
    """Return listeners that share their workers as one name."""
    return "+".join(listeners)
