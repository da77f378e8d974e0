"""Refuses every recipient whose name begins with ``stern``."""

from collections.abc import Iterator

from relayguard import Address, Effect, Reject, hookimpl


class Stern:
    """See the module."""

    @hookimpl
    def rcpt_to(self, recipient: Address) -> Iterator[Effect]:
        if recipient.local.startswith("stern"):
            yield Reject(text="Not for you")
