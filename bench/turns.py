"""The loads of a run. Subjects take turns at each, and rounds follow one another, so that a slow phase hits all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.corpus import UNKNOWN, expected
from bench.hostile import MEGABYTE
from bench.measure import attack, measure
from bench.places import CORPUS
from bench.resolver import DnsServer
from bench.results import Hostility, Measured, Verdicts
from bench.running import Running
from bench.verdicts import check

LATE_MS = 20
PAUSE_MS = 30
"""Between DATA and the message: a client needs at least a round trip of its own to hand it over."""
SLOW_MS = 30
AT = (1, 10, 50)
"""Connections at a time, where it is asked how many messages go through."""

CELLS = (("10K", 10), ("10K", 50), ("2K", 10), ("75K", 10), ("1M", 10), ("10K", 1))
_OF_MANY_WORKERS = CELLS[:2]
_NO_TARGET = CELLS[-1:]
"""What no target speaks of has fewer rounds."""
_FEW = 2

UNBOUNDED = 100_000
_KNOWN = 64
_SLOW_SECONDS = 1.0


def say(line: str) -> None:
    """Tell how far a run has come."""
    print(line, flush=True)


@dataclass(frozen=True, slots=True)
class Turns:
    """Each method lets everybody have a turn."""

    running: list[Running]
    dns_server: DnsServer
    rounds: int
    seconds: float

    def named(self, name: str) -> Running:
        """Return one of those who take part."""
        return next(each for each in self.running if each.subject.name == name)

    def verdicts(self, directory: Path, sets: Iterable[str]) -> Iterator[Verdicts]:
        """Check what each says of the messages of some sets."""
        for each in self._single(1):
            judged = check(each, directory, sets)
            say(f"verdicts on {judged.sets}: {each.subject.name}: {judged.right} of {judged.checked} are right")
            yield judged

    def warm(self, seconds: float) -> Iterator[Measured]:
        """Yield every load with names known, after so many seconds of getting warm."""
        for each in self.running:
            # A Python daemon is dearer in its first seconds.
            each.load("2K,10K,75K", concurrency=10, messages=UNBOUNDED, seconds=seconds)
        for turn in self._turns():
            for cell in CELLS:
                for each in self._taking_part(cell, turn):
                    yield _told(f"round {turn}", self._warm(each, *cell))

    def cold(self) -> Iterator[Measured]:
        """Yield loads of which every name is new."""
        for turn in self._turns():
            for each in self._single(turn):
                name = f"cold-{turn}"
                cold = measure(each, self.dns_server, name, concurrency=10, messages=UNKNOWN[name], dns="cold")
                yield _told(f"round {turn}, every name cold", cold)

    def late(self) -> Iterator[Measured]:
        """Yield what a client waits for while DNS answers late."""
        self.dns_server.answer(LATE_MS)
        for turn in self._turns():
            for each in self._single(turn):
                # Names that were known may have expired meanwhile.
                each.load("10K", concurrency=10, messages=_KNOWN)
                for name, pause in (
                    ("10K", 0),
                    (f"late-signed-{turn}", PAUSE_MS),
                    (f"late-unsigned-{turn}", PAUSE_MS),
                ):
                    found = measure(
                        each, self.dns_server, name, concurrency=4, messages=_KNOWN, dns="late", pause_ms=pause
                    )
                    yield _told(f"round {turn}, DNS {LATE_MS} ms late", found)
        self.dns_server.answer(0)

    def slow(self) -> Iterator[Measured]:
        """Yield how much goes through while DNS answers late, names known and not."""
        self.dns_server.answer(SLOW_MS)
        for turn in self._turns():
            for each in self._few(self.running, turn):
                if each.subject.name == peers.TWO_WORKERS:
                    continue
                each.load("10K", concurrency=10, messages=_KNOWN)
                for concurrency in AT:
                    yield _told(f"round {turn}, DNS {SLOW_MS} ms late", self._slow(each, "10K", concurrency))
                    if each.subject.name not in peers.MANY_WORKERS:
                        cold = self._slow(each, f"slow-{concurrency}-{turn}", concurrency)
                        yield _told(f"round {turn}, DNS {SLOW_MS} ms late, every name cold", cold)
        self.dns_server.answer(0)

    def hostile(self) -> Iterator[Hostility]:
        """Yield what each hostile message costs us and the C pair."""
        cases = [case for case in expected(CORPUS).values() if case.kind == "hostile"]
        for case in cases:
            megabytes = (CORPUS / case.file).stat().st_size / MEGABYTE
            for each in self.running:
                if each.subject.name in {*peers.TRANSPORTS.values(), peers.C_PAIR}:
                    cost = attack(each, case.set, case.set.removeprefix("hostile-"), megabytes)
                    say(f"hostile: {cost.attack}: {cost.subject}: {cost.cpu_ms:.0f} ms, {cost.errors} errors")
                    yield cost

    def _turns(self) -> Iterable[int]:
        return range(1, self.rounds + 1)

    def _taking_part(self, cell: tuple[str, int], turn: int) -> Iterator[Running]:
        if cell in _NO_TARGET and turn > _FEW:
            return
        for each in self._few(self.running, turn):
            if cell in _OF_MANY_WORKERS or each.subject.name not in peers.MANY_WORKERS:
                yield each

    def _single(self, turn: int) -> Iterator[Running]:
        return self._few((each for each in self.running if each.subject.name not in peers.MANY_WORKERS), turn)

    @staticmethod
    def _few(running: Iterable[Running], turn: int) -> Iterator[Running]:
        return (each for each in running if turn <= _FEW or each.subject.name not in peers.SLOW)

    def _warm(self, each: Running, name: str, concurrency: int) -> Measured:
        each.load(name, concurrency=4, messages=16)
        return measure(each, self.dns_server, name, concurrency=concurrency, messages=UNBOUNDED, seconds=self.seconds)

    def _slow(self, each: Running, name: str, concurrency: int) -> Measured:
        return measure(
            each,
            self.dns_server,
            name,
            concurrency=concurrency,
            messages=UNKNOWN.get(name, UNBOUNDED),
            seconds=60 if name in UNKNOWN else _SLOW_SECONDS,
            dns="slow",
        )


def _told(what: str, found: Measured) -> Measured:
    say(
        f"{what}: {found.set} at {found.concurrency}: {found.subject}: {found.cpu_ms:.2f} ms CPU,"
        f" {found.per_second:.0f}/s, p50 {found.p50_ms:.1f} p99 {found.p99_ms:.1f} ms, {found.errors} errors"
    )
    return found
