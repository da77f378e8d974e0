"""What commands that serve no mail share: filters built as the daemon would, with services that ask nobody."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from relayguard.app import build_backend, build_filters, services_of
from relayguard.config import Config, ConfigError, Problem, load
from relayguard.core.caps import Cap
from relayguard.files import OperatorFiles
from relayguard.milter.transport import problem_with
from relayguard.pipeline.filters import Filter
from relayguard.services import Answer, NoCounter, Question, Status, Store
from relayguard.snapshot import Snapshot, take
from relayguard.stores.declared import NoStore


class NoResolver:
    """A `Resolver` that knows nothing and asks nobody."""

    def cached(self, question: Question) -> Answer | None:
        """See `Resolver`."""
        return None

    async def resolve(self, question: Question) -> Answer:
        """See `Resolver`."""
        return Answer(status=Status.TEMPERROR, reason="offline")

    def prefetch(self, questions: Iterable[Question]) -> None:
        """See `Resolver`."""

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        """See `Resolver`."""
        return {question: await self.resolve(question) for question in questions}


class NoMetrics:
    """`Metrics` that nobody reads."""

    def cap_hit(self, cap: Cap) -> None:
        """See `Metrics`."""

    def counter(self, name: str, help: str, labels: Mapping[str, Sequence[str]]) -> NoCounter:  # noqa: A002
        """See `Metrics`."""
        return NoCounter()


def load_checked(path: Path, store: Store | None = None) -> tuple[Snapshot, Mapping[str, tuple[Filter, ...]]]:
    """Read a configuration and build the filters of each listener; raises ConfigError with all that is wrong.

    `store` is told of the limits that the filters count by.
    """
    try:
        config = load(path)
    except ConfigError as error:
        if error.rest is None:
            raise
        # As far as the rest of the file tells, so that all is said at once.
        try:
            check_filters(error.rest)
        except ConfigError as more:
            raise ConfigError([*error.problems, *more.problems]) from more
        raise
    return check_filters(config, store)


def check_filters(config: Config, store: Store | None = None) -> tuple[Snapshot, Mapping[str, tuple[Filter, ...]]]:
    """Build all filters only to see whether they can be; raises ConfigError. `store` is told of their limits."""
    store, files = store or NoStore(), OperatorFiles()
    problems: dict[Problem, None] = {}
    built: dict[str, tuple[Filter, ...]] = {}
    try:
        snapshot = take(config)
    except ConfigError as error:
        problems = dict.fromkeys(error.problems)
        snapshot = Snapshot(config=config, drop_ins={})
    for listener in config.listener:
        try:
            services = services_of(snapshot.config, NoResolver(), NoMetrics(), store, files)
            built[listener] = build_filters(snapshot, services, listener)
        except ConfigError as error:
            problems |= dict.fromkeys(error.problems)
    problems |= dict.fromkeys(unusable_transports(config))
    try:
        build_backend(config)
    except ConfigError as error:
        problems |= dict.fromkeys(error.problems)
    if problems:
        raise ConfigError(problems)
    return snapshot.model_copy(update={"files": files.seen}), built


def unusable_transports(config: Config) -> Iterator[Problem]:
    """Yield a problem for each listener whose transport cannot be used."""
    for name, listener in config.listener.items():
        problem = problem_with(listener.transport)
        if problem is not None:
            yield Problem(f"listener.{name}.transport", problem)
