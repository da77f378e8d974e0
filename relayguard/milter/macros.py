"""The macros that Relayguard asks the MTA for, by stage."""

from collections.abc import Iterable, Mapping

from relayguard.core.stages import Stage

USUAL: Mapping[Stage, tuple[str, ...]] = {
    Stage.CONNECT: ("j", "{daemon_name}", "{client_addr}", "{client_port}"),
    Stage.HELO: ("{tls_version}", "{cipher}", "{cipher_bits}"),
    # {client_addr} again: a host name that is not UTF-8 makes libmilter's binding lose the connect event.
    Stage.MAIL_FROM: ("i", "{auth_type}", "{auth_authen}", "{client_addr}", "{daemon_name}"),
    Stage.RCPT_TO: ("i",),
    Stage.END_OF_HEADERS: ("i",),
    Stage.END_OF_MESSAGE: ("i",),
}
"""Postfix has a queue id (``i``) only from the first accepted recipient on, Sendmail from MAIL FROM."""


def requested(declared: Iterable[tuple[Stage, tuple[str, ...]]]) -> dict[Stage, tuple[str, ...]]:
    """Return all macros to ask for: the usual ones, and those that filters declared."""
    wanted = {stage: dict.fromkeys(names) for stage, names in USUAL.items()}
    for stage, names in declared:
        wanted.setdefault(stage, {}).update(dict.fromkeys(names))
    return {stage: tuple(names) for stage, names in wanted.items()}
