"""Raises at every stage at which it is told to by ``stages``."""

from collections.abc import Iterator
from dataclasses import dataclass

from relayguard import Effect, Envelope, Headers, hookimpl


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.sensitive]`` table."""

    mail_from: bool = False
    end_of_headers: bool = True


class Sensitive:
    """Fails, as real filters do."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        if self.options.mail_from:
            raise ValueError(f"cannot bear {envelope.sender}")
        yield from ()

    @hookimpl
    def end_of_headers(self, headers: Headers) -> Iterator[Effect]:
        if self.options.end_of_headers:
            raise ValueError(f"cannot bear {len(headers)} headers")
        yield from ()
