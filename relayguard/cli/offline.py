"""What commands that serve no mail share: filters built as the daemon would, with services that ask nobody."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from relayguard.app import build_filters, services_of
from relayguard.config import Config, ConfigError, load
from relayguard.core.caps import Cap
from relayguard.pipeline.filters import Filter
from relayguard.services import Answer, Question, Status


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


def load_checked(path: Path) -> tuple[Config, tuple[Filter, ...]]:
    """Read a configuration and build its filters; raises ConfigError with what is wrong with either."""
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
    return config, check_filters(config)


def check_filters(config: Config) -> tuple[Filter, ...]:
    """Build the filters only to see whether they can be; raises ConfigError."""
    return build_filters(config, services_of(NoResolver(), NoMetrics()))
