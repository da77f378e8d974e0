"""What the status page shows: of the supervisor what it knows, of filters and stores what their workers tell."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from relayguard import __version__
from relayguard.config import Config, FilterPolicy
from relayguard.daemon.generation import Generation
from relayguard.daemon.reloading import Generations
from relayguard.metrics import catalog
from relayguard.metrics.page import FilterState, ListenerState, Status
from relayguard.metrics.processes import ProcessMetrics, WorkerState

_ON_FAILURE = FilterPolicy.model_fields["on_failure"].default


def worker_states(living: Sequence[Generation]) -> list[WorkerState]:
    """Look at all workers; may be asked from any thread."""
    return [
        WorkerState(
            listener=worker.assignment.listener,
            slot=worker.assignment.slot,
            state=worker.state,
            heard=worker.heard_time,
            memory=worker.beat.memory,
            cpu=worker.beat.cpu,
            pid=worker.pid,
            generation=generation.number,
        )
        for generation in living
        for worker in tuple(generation.workers)
    ]


def serves(living: Sequence[Generation]) -> bool:
    """Tell whether mail is being served on every listener of the newest generation, which is the first of them.

    May be asked from any thread.
    """
    served = {name for each in living for listeners in each.serving for name in listeners}
    return served >= living[0].snapshot.config.listener.keys()


def status_of(
    generations: Generations, metrics: ProcessMetrics, path: Path, since: float, *, serving: bool
) -> Status:
    """Gather what the page shows; may be asked from any thread. `since` is when the supervisor began."""
    living = generations.living
    current = living[0]
    config = current.snapshot.config
    fallen_back = metrics.greatest(catalog.STORE_FALLBACK)
    return Status(
        version=__version__,
        now=time.time(),
        serving=serving,
        since=since,
        path=str(path),
        generation=current.number,
        draining=[each.number for each in living[1:]],
        serves_since=generations.serves_since,
        last_reload=generations.last_reload,
        store=config.store.kind,
        fallen_back=sorted(store for (store,), active in fallen_back.items() if active),
        listeners=list(_listeners(current)),
        workers=sorted(worker_states(living), key=lambda each: (each.listener, each.slot)),
        filters=list(_filters(config, metrics)),
    )


def _listeners(current: Generation) -> Iterator[ListenerState]:
    workers = [each.assignment.sockets.keys() for each in tuple(current.workers)]
    serving = current.serving
    for name, listener in current.snapshot.config.listener.items():
        yield ListenerState(
            name,
            listener.address,
            listener.transport,
            sum(name in served for served in serving),
            sum(name in held for held in workers),
        )


def _filters(config: Config, metrics: ProcessMetrics) -> Iterator[FilterState]:
    info = sorted(metrics.greatest(catalog.FILTER_INFO))
    breakers = metrics.greatest(catalog.BREAKER_OPEN)
    for listener in config.listener:
        for name in config.filters_of(listener):
            modes: dict[str, list[str]] = {}
            for told, role, mode in info:
                if told == name:
                    modes.setdefault(role, []).append(mode)
            yield FilterState(
                listener,
                name,
                modes,
                config.filter.get(name, {}).get("on_failure", _ON_FAILURE),
                [stage for (broken, stage), is_open in breakers.items() if broken == name and is_open],
            )
