import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence

from relayguard.core.limits import Algorithm, Charge, Limit, Standing
from relayguard.log import make_logger
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.stores.backend import Entry, StoreError, Trouble
from relayguard.stores.memory import MemoryBackend
from relayguard.stores.shared import BREAKER_FAILURES, BREAKER_PAUSE_SECONDS, Place, SharedStore
from relayguard.testing import FrozenClock

LIMIT = Limit("logins", Algorithm.WINDOW, 12, 60.0)


class Ailing:
    """A `Backend` that has trouble as long as a test wants it to."""

    name = "redis"

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.trouble = trouble
        self.asked = 0
        self.full_for: set[str] = set()
        self._inner = MemoryBackend()

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        self.asked += 1
        if self.trouble is not None:
            raise StoreError(self.trouble, "as the test wants it")
        full = StoreError(Trouble.FULL, "as the test wants it")
        full.refused = tuple(number for number, charge in enumerate(charges) if charge.key in self.full_for)
        if full.refused:
            raise full
        return await self._inner.take(charges)

    async def look(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        return await self._inner.look(charges)

    def entries(self) -> AsyncIterator[Entry]:
        return self._inner.entries()

    async def forget(self, limit: str, key: str) -> bool:
        return await self._inner.forget(limit, key)

    async def keep(self) -> None:
        return

    async def close(self) -> None:
        return


class Rig:
    """A store whose first place is ailing, with what it counts and logs."""

    def __init__(self, trouble: Trouble | None, parties: int = 1) -> None:
        self.first = Ailing(trouble)
        self.clock = FrozenClock()
        self.metrics = PrometheusMetrics("0")
        self._log = io.StringIO()
        self.store = SharedStore(
            lambda: [Place(self.first), Place(MemoryBackend(), parties)],
            self.metrics,
            make_logger("json", "info", self._log),
            monotonic=self.clock.now,
        )

    def take(self, times: int = 1) -> int:
        async def go() -> int:
            charge = Charge(LIMIT, "bob")
            return sum([(await self.store.take([charge]))[0].admitted for _ in range(times)])

        return asyncio.run(go())

    @property
    def lines(self) -> list[tuple[str, str | None]]:
        return [(line["event"], line.get("trouble")) for line in map(json.loads, self._log.getvalue().splitlines())]

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"relayguard_{name}", labels)


def test_a_store_that_answers_is_the_only_one_asked() -> None:
    rig = Rig(None)
    assert rig.take(20) == 12
    assert rig.value("store_operations_total", store="redis", outcome="ok") == 20
    assert rig.value("store_operations_total", store="memory", outcome="ok") is None
    assert rig.value("limit_decisions_total", limit="logins", outcome="admitted") == 12
    assert rig.value("limit_decisions_total", limit="logins", outcome="over") == 8
    assert rig.lines == []


def test_who_counts_alone_while_the_shared_store_is_away_counts_by_its_share() -> None:
    rig = Rig(Trouble.TIMEOUT, parties=4)
    assert rig.take(20) == 3


def test_a_store_that_does_not_answer_is_given_up_for_a_while_and_the_operator_sees_it() -> None:
    rig = Rig(Trouble.TIMEOUT)
    rig.take(20)
    assert rig.first.asked == BREAKER_FAILURES
    assert rig.value("store_fallback_active", store="redis") == 1
    assert rig.value("store_operations_total", store="redis", outcome="timeout") == BREAKER_FAILURES
    assert rig.lines == [
        ("store failed once", "timeout"),
        ("store does not answer, limits are counted elsewhere", "timeout"),
    ]


def test_a_store_that_fails_everybody_is_given_up_however_many_ask_at_a_time() -> None:
    rig = Rig(Trouble.UNREACHABLE)

    async def slowly(charges: Sequence[Charge]) -> Sequence[Standing]:
        rig.first.asked += 1
        await asyncio.sleep(0)
        rig.clock.advance(0.001)
        raise StoreError(Trouble.UNREACHABLE, "as the test wants it")

    rig.first.take = slowly  # type: ignore[method-assign]  # it takes its time

    async def ask() -> None:
        for _ in range(20):
            await rig.store.take([Charge(LIMIT, "bob")])

    async def all_ask() -> None:
        await asyncio.gather(*(ask() for _ in range(8)))

    asyncio.run(all_ask())
    assert rig.value("store_fallback_active", store="redis") == 1
    assert rig.first.asked < 80


def test_it_is_asked_again_now_and_then_and_used_as_soon_as_it_answers() -> None:
    rig = Rig(Trouble.UNREACHABLE)
    rig.take(20)
    rig.clock.advance(BREAKER_PAUSE_SECONDS + 0.1)
    rig.take(20)
    assert rig.first.asked == BREAKER_FAILURES + 1
    rig.first.trouble = None
    rig.clock.advance(BREAKER_PAUSE_SECONDS + 0.1)
    assert rig.take(20) == 12
    assert rig.value("store_fallback_active", store="redis") == 0
    assert rig.lines[-1] == ("store answers again", None)


def test_a_full_store_goes_on_counting_what_it_knows_and_is_told_of_once_in_a_while() -> None:
    rig = Rig(Trouble.FULL)
    assert rig.take(20) == 12
    assert rig.first.asked == 20
    assert rig.value("store_fallback_active", store="redis") is None
    assert rig.lines == [("store failed once", "full")]
    rig.clock.advance(61)
    rig.take()
    assert len(rig.lines) == 2


def test_mail_flows_even_if_nothing_can_be_counted_at_all() -> None:
    store = SharedStore(lambda: [Place(Ailing(Trouble.BROKEN))], PrometheusMetrics("0"), make_logger("json", "error"))
    assert asyncio.run(store.take([Charge(LIMIT, "bob")]))[0].admitted


def test_what_was_not_counted_because_of_another_charge_is_not_told_as_admitted() -> None:
    rig = Rig(None)
    rig.take(12)
    other = Limit("others", Algorithm.WINDOW, 100, 60.0)
    asyncio.run(rig.store.take([Charge(LIMIT, "bob"), Charge(other, "bob")]))
    assert rig.value("limit_decisions_total", limit="others", outcome="admitted") is None
    asyncio.run(rig.store.take([Charge(LIMIT, "bob", binding=False), Charge(other, "bob")]))
    assert rig.value("limit_decisions_total", limit="others", outcome="admitted") == 1
    assert rig.value("limit_decisions_total", limit="logins", outcome="over") == 2


def test_what_the_whole_limit_admits_a_share_of_it_admits_too() -> None:
    rig = Rig(Trouble.UNREACHABLE, parties=100)
    assert asyncio.run(rig.store.take([Charge(LIMIT, "bob", 10)]))[0].admitted
    assert not asyncio.run(rig.store.take([Charge(LIMIT, "bob", 13)]))[0].admitted


def test_the_fullest_key_of_each_limit_is_told_now_and_then() -> None:
    rig = Rig(None)
    rig.store.declare(LIMIT, {})
    assert rig.value("limit_fullest_ratio", limit="logins") == 0
    rig.take(12)
    rig.store.publish()
    assert rig.value("limit_fullest_ratio", limit="logins") == 1
    assert rig.value("limit_keys_nearly_used_up", limit="logins") == 1
    rig.store.publish()
    assert rig.value("limit_fullest_ratio", limit="logins") == 0


def test_a_full_store_counts_what_it_knows_though_something_new_comes_along() -> None:
    rig = Rig(None)
    rig.take(10)
    rig.first.full_for = {"new", "newer"}

    def take(*keys: str) -> list[tuple[bool, int]]:
        taken = asyncio.run(rig.store.take([Charge(LIMIT, key) for key in keys]))
        return [(standing.admitted, standing.left) for standing in taken]

    assert take("new", "bob") == [(True, 11), (True, 1)]
    assert take("bob", "new", "newer") == [(True, 0), (True, 10), (True, 11)]
    # A charge that is refused here keeps the others from being counted elsewhere.
    assert not take("new", "bob")[1][0]
    assert take("new") == [(True, 9)]


class Hiccup(Ailing):
    """One that all who asked meanwhile wait for until it fails them, and then the clock goes on."""

    def __init__(self, clock: FrozenClock) -> None:
        super().__init__()
        self._clock = clock

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        self.asked += 1
        await asyncio.sleep(0)
        self._clock.advance(0.01)
        raise StoreError(Trouble.TIMEOUT, "as the test wants it")


def test_those_who_waited_through_the_same_moment_are_one_failure() -> None:
    rig = Rig(None)
    hiccup = Hiccup(rig.clock)
    rig.store = SharedStore(
        lambda: [Place(hiccup), Place(MemoryBackend())],
        rig.metrics,
        make_logger("json", "error"),
        monotonic=rig.clock.now,
    )

    async def together() -> None:
        await asyncio.gather(*(rig.store.take([Charge(LIMIT, "bob")]) for _ in range(20)))

    for times in range(1, BREAKER_FAILURES + 2):
        asyncio.run(together())
        assert hiccup.asked == 20 * min(times, BREAKER_FAILURES)
