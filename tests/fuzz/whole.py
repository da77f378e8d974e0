"""What whole messages at the caps cost, in CPU: the pipeline as the daemon runs it, warm, the best of three."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from relayguard.pipeline.connection import Pipeline
from tests.fuzz.budget import budget
from tests.fuzz.rig import Incoming, daemon_pipeline, deliver
from tests.fuzz.shapes import Shape, shapes, zone

_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """What one message took, in seconds of CPU, and what it may take."""

    name: str
    size: int
    spent: float
    allowed: float

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        return self.spent <= self.allowed

    def __str__(self) -> str:
        told = "kept" if self.kept else "OVER"
        return f"{self.name:42} {self.size / 1e6:8.2f} MB {1e3 * self.spent:9.1f} ms of {1e3 * self.allowed:6.1f}  {told}"


def costs() -> Iterator[Cost]:
    """Yield what each shape costs; DNS is warm, for what a name server costs is not ours."""
    with Path("/dev/null").open("w") as nowhere, asyncio.Runner() as runner:
        pipeline = daemon_pipeline(zone(), nowhere)
        hostile = iter(shapes())
        honest = next(hostile)
        for _ in range(50):
            runner.run(deliver(pipeline.open(), honest.incoming()))
        yield _cost(honest, pipeline, runner)
        for shape in hostile:
            yield _cost(shape, pipeline, runner)


def _cost(shape: Shape, pipeline: Pipeline, runner: asyncio.Runner) -> Cost:
    incoming = shape.incoming()
    size = (
        sum(len(name) + len(value) + 3 for name, value in incoming.fields) + len(incoming.body) + len(incoming.sender)
    )
    runner.run(deliver(pipeline.open(), incoming))
    spent = min(runner.run(_timed(pipeline, incoming)) for _ in range(_ROUNDS))
    return Cost(shape.name, size, spent, budget(size))


async def _timed(pipeline: Pipeline, incoming: Incoming) -> float:
    started = time.process_time()
    await deliver(pipeline.open(), incoming)
    return time.process_time() - started
