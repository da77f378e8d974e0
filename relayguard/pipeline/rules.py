"""What holds for every envelope of a listener, from the configuration."""

from dataclasses import dataclass

from relayguard.core.session import IpNetwork
from relayguard.pipeline.forged import NamePattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`authserv_id` names us in Authentication-Results; the networks decide trust and role.

    `comments` says whether our field has comments, `strip_headers` which other fields of strangers are removed.
    """

    authserv_id: str
    local_networks: tuple[IpNetwork, ...] = ()
    submission_networks: tuple[IpNetwork, ...] = ()
    submission_daemons: frozenset[str] = frozenset()
    trusted_relays: tuple[IpNetwork, ...] = ()
    comments: bool = True
    strip_headers: NamePattern | None = None
