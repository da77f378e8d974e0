"""What the filters of a listener need of the MTA, read off their signatures: the signature is the manifest."""

from collections.abc import Iterable
from dataclasses import dataclass

from relayguard.core.stages import Stage
from relayguard.pipeline.filters import Filter, Mode

_BODY_ARGUMENTS = frozenset({"body", "message"})


@dataclass(frozen=True, slots=True)
class Needs:
    """Static for a listener: decided before anything about a client is known.

    `replies` are the stages whose callback must be answered before the MTA goes on. `watch` means that a
    filter may ask for the body as it streams, `keep_body` that it must be kept until the message ends.
    `macros` are the macros wanted at MAIL FROM, beyond the usual ones.
    """

    replies: frozenset[Stage]
    watch: bool
    keep_body: bool
    macros: frozenset[str]

    @property
    def body(self) -> bool:
        """Whether the MTA must send the body at all."""
        return self.watch or self.keep_body


def needs_of(filters: Iterable[Filter]) -> Needs:
    """Combine what all filters of a listener need."""
    filters = tuple(filters)
    stages = {stage for each in filters for stage in each.hooks}
    replies: set[Stage] = {stage for stage in (Stage.CONNECT, Stage.HELO, Stage.MAIL_FROM) if stage in stages}
    # A recipient is refused one by one, so a filter that may do so costs a round trip for each.
    if any(Stage.RCPT_TO in each.hooks and Mode.ENFORCE in each.policy.modes.values() for each in filters):
        replies.add(Stage.RCPT_TO)
    arguments = {name for each in filters for hook in each.hooks.values() for name in hook.arguments}
    return Needs(
        replies=frozenset(replies | {Stage.END_OF_MESSAGE}),
        watch=Stage.END_OF_HEADERS in stages,
        keep_body=bool(arguments & _BODY_ARGUMENTS),
        macros=frozenset(macro for each in filters for macro in each.macros),
    )
