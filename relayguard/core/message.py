"""A message as it will leave: what signers sign."""

from dataclasses import dataclass

from relayguard.core.body import Body
from relayguard.core.headers import Headers


@dataclass(frozen=True, slots=True)
class Message:
    """Read-only view for the `outgoing` hook: all edits applied, Authentication-Results included."""

    headers: Headers
    body: Body
