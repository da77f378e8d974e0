"""Mark mail whose sender's domain has no SPF record, so that a user's mail program can sort it."""

from collections.abc import Iterator
from dataclasses import dataclass

from relayguard import AddHeader, Effect, Results, SpfResult, SpfValue, hookimpl


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.mark_newcomers]`` table."""

    header: str = "X-Newcomer"


class MarkNewcomers:
    """Adds a header to mail of domains that do not say who may send for them."""

    after = frozenset({"spf"})

    def __init__(self, options: Options) -> None:
        self.options = options

    @hookimpl
    def end_of_message(self, results: Results) -> Iterator[Effect]:
        """SPF ran before, so its results are all here."""
        unknown = [spf.domain for spf in results.of(SpfResult) if spf.value is SpfValue.NONE]
        if unknown:
            yield AddHeader(self.options.header, ", ".join(unknown))
