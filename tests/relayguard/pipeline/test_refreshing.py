import asyncio
import io
import json
from typing import ClassVar

from relayguard import hookimpl
from relayguard.log import make_logger
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.pipeline.filters import Filter, Policy
from relayguard.pipeline.refreshing import keep_fresh
from relayguard.pipeline.registry import Candidate, register


class Lists:
    """A filter that looks something up."""

    refresh_seconds: ClassVar[float] = 1

    def __init__(self, *errors: BaseException) -> None:
        self.refreshed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._errors = list(errors)

    def refresh(self) -> None:
        if self._errors:
            raise self._errors.pop()
        self._loop.call_soon_threadsafe(self.refreshed.set)

    @hookimpl
    def connect(self) -> None:
        return


def registered(instance: object, seconds: float = 0.01) -> Filter:
    (each,) = register([Candidate("lists", instance, Policy())])
    assert each.refresh_seconds == 1
    return Filter("lists", instance, each.hooks, each.policy, refresh_seconds=seconds)


async def refreshed(log: io.StringIO, metrics: PrometheusMetrics, *errors: BaseException) -> None:
    instance = Lists(*errors)
    task = asyncio.create_task(keep_fresh([registered(instance)], metrics, make_logger("json", "info", log)))
    async with asyncio.timeout(30):
        await instance.refreshed.wait()
    task.cancel()


def test_what_a_filter_looks_up_is_read_anew_now_and_then() -> None:
    log, metrics = io.StringIO(), PrometheusMetrics("0")
    asyncio.run(refreshed(log, metrics))
    assert log.getvalue() == ""


def test_a_filter_that_cannot_read_goes_on_with_what_it_had_and_is_asked_again() -> None:
    log, metrics = io.StringIO(), PrometheusMetrics("0")
    asyncio.run(refreshed(log, metrics, ValueError("lists.toml: line 3"), SystemExit()))
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["filter"], line["error"]) for line in lines] == [
        ("lists", "SystemExit"),
        ("lists", "lists.toml: line 3"),
    ]
    counted = metrics.registry.get_sample_value("relayguard_filter_refreshes_failed_total", {"filter": "lists"})
    assert counted == 2


def test_a_filter_without_lists_is_left_alone() -> None:
    class Plain:
        @hookimpl
        def connect(self) -> None:
            return

    (each,) = register([Candidate("plain", Plain(), Policy())])
    logger = make_logger("json", "info", io.StringIO())
    asyncio.run(asyncio.wait_for(keep_fresh([each], PrometheusMetrics("0"), logger), 30))
