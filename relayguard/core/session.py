"""A session: one client connection, and what is known of the client."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from relayguard.core.slots import Slots

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Tls:
    """The TLS layer of a session, as the MTA reports it."""

    version: str
    cipher: str
    bits: int | None


@dataclass(slots=True, kw_only=True)
class Session:
    """One client connection. Filters read it; only the framework writes it.

    `client_address` is None where the MTA gives none (a unix socket, a local submission).
    `client_name` is the MTA's idea of the client's host name, ``[address]`` if it has none.
    `helo` is empty before HELO. `local` and `trusted_relay` are decided from the configuration.
    """

    client_address: IpAddress | None
    client_name: str = ""
    client_port: int = 0
    listener: str = "default"
    daemon_name: str = ""
    helo: str = ""
    tls: Tls | None = None
    local: bool = False
    trusted_relay: bool = False
    submission_network: bool = False
    slots: Slots = field(default_factory=Slots, repr=False)


def contains(networks: tuple[IpNetwork, ...], address: IpAddress | None) -> bool:
    """Tell whether `address` lies in one of `networks`; an IPv4-mapped address counts as IPv4."""
    if address is None or not networks:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
