"""Everything that the daemon listens on: where MTAs connect, where Prometheus scrapes, where it is controlled."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from relayguard.config import Config, split_host_port
from relayguard.daemon.control import Answer, Control
from relayguard.daemon.listeners import ListenError, Listeners, reason
from relayguard.metrics.exporter import Exporter
from relayguard.metrics.processes import ProcessMetrics


class Doors:
    """Opens what a configuration names, and closes what it no longer names: `open` before it serves, `keep` after."""

    def __init__(
        self,
        listeners: Listeners,
        metrics: ProcessMetrics,
        healthy: Callable[[], bool],
        page: Callable[[], str],
        reload: Callable[[], Awaitable[Answer]],
    ) -> None:
        self._listeners = listeners
        self._metrics = metrics
        self._healthy = healthy
        self._page = page
        self._reload = reload
        self._exporters: dict[str, Exporter] = {}
        self._controls: dict[Path, Control] = {}

    async def open(self, config: Config) -> None:
        """Open what is not open yet; raises ListenError."""
        # Names may have to be looked up.
        await asyncio.to_thread(self._listeners.open, tuple(config.listener.values()))
        address, path = config.metrics.address, config.daemon.control
        if address != "off" and address not in self._exporters:
            self._exporters[address] = self._exporter(address)
        if isinstance(path, Path) and path not in self._controls:
            control = Control(path, self._reload)
            await control.open()
            self._controls[path] = control

    async def keep(self, config: Config) -> None:
        """Close what `config` does not name."""
        self._listeners.keep(config.listener.values())
        for address in self._exporters.keys() - {config.metrics.address}:
            await asyncio.to_thread(self._exporters.pop(address).stop)
        for path in self._controls.keys() - {config.daemon.control}:
            self._controls.pop(path).close()

    def close_listeners(self) -> None:
        """Refuse MTAs; workers must accept nothing any more."""
        self._listeners.keep(())

    def close(self) -> None:
        """Close everything."""
        self.close_listeners()
        for exporter in self._exporters.values():
            exporter.stop()
        for control in self._controls.values():
            control.close()

    def _exporter(self, address: str) -> Exporter:
        try:
            exporter = Exporter(split_host_port(address), self._metrics.registry, self._healthy, self._page)
        except (OSError, ValueError) as error:
            raise ListenError(f"cannot serve metrics on {address}: {reason(error)}") from error
        exporter.start()
        return exporter
