"""The daemons of the groups, each with a DNS server of its own: started when their first row comes."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from relayguard.testing.daemon import Daemon
from relayguard.testing.dns_server import DnsServer
from tests.attacks.cases import Case
from tests.attacks.groups import Group
from tests.conftest import Served


class Servers:
    """Serves each group on its own socket below `folder`, over `transport`, until `stack` is closed."""

    def __init__(self, groups: list[Group], folder: Path, stack: ExitStack, transport: str) -> None:
        self._transport = transport
        self._groups = groups
        self._folder = folder
        self._stack = stack
        self._serving: dict[int, Served] = {}

    @property
    def addresses(self) -> list[str]:
        """The sockets of all groups, whether or not somebody listens there yet."""
        return [f"unix:{self._folder}/{number}/milter.sock" for number in range(len(self._groups))]

    def number_of(self, case: Case) -> int:
        return next(number for number, group in enumerate(self._groups) if case in group.cases)

    def of(self, case: Case) -> Served:
        number = self.number_of(case)
        if number not in self._serving:
            self._serving[number] = self._start(number)
        return self._serving[number]

    def _start(self, number: int) -> Served:
        group, address = self._groups[number], self.addresses[number]
        dns = self._stack.enter_context(DnsServer(group.zone))
        text = configuration(address, dns.port, group.cases[0].config, self._transport)
        daemon = self._stack.enter_context(Daemon(self._folder / str(number), text))
        return Served(daemon, address, "off", dns)


def configuration(address: str, dns_port: int, own: Mapping[str, Any], transport: str) -> str:
    """A configuration file in which every client, wherever it is, is a stranger."""
    table = {
        "authserv_id": "mx.example.com",
        "profile": "enforce",
        "local_networks": [],
        "listener": {"default": {"address": address, "mode": "0666", "workers": 1, "transport": transport}},
        "daemon": {"control": "off"},
        "dns": {"nameservers": [f"127.0.0.1:{dns_port}"], "timeout": 2.0},
        "metrics": {"address": "off"},
        **own,
    }
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in _dotted("", table))


def asked(served: Served) -> frozenset[str]:
    """The names that the DNS server was asked for, in lower case."""
    return frozenset(query.rpartition(" ")[0].lower() for query in served.dns.queries)


def _dotted(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _dotted(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value
