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


def requested(declared: Iterable[str]) -> dict[Stage, tuple[str, ...]]:
    """Return all macros to ask for: the usual ones, and at MAIL FROM those that filters declared."""
    wanted = dict(USUAL)
    wanted[Stage.MAIL_FROM] = tuple(dict.fromkeys([*USUAL[Stage.MAIL_FROM], *sorted(declared)]))
    return wanted
