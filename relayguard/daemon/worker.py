"""One process that serves one listener: an event loop for the filters, a transport beside it."""

import asyncio
import os
import resource
import signal
import socket

from relayguard import __version__
from relayguard.app import build_filters, build_pipeline, build_resolver, services_of
from relayguard.config import Config, split_host_port
from relayguard.daemon.listeners import ListenError, close_listener, open_listener
from relayguard.log import Logger
from relayguard.metrics.exporter import Exporter
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.milter.libmilter import LibmilterTransport
from relayguard.pipeline.envelope_log import EnvelopeLog
from relayguard.pipeline.record import Observers

STOP_SECONDS = 30.0
"""Envelopes in flight get so long to end when the daemon is stopped."""


_LOOK_SECONDS = 0.05
_FILES = 65536


async def serve(config: Config, logger: Logger) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status. Raises ConfigError or ListenError at start-up."""
    loop = asyncio.get_running_loop()
    _raise_file_limit()
    metrics = PrometheusMetrics(__version__)
    observer = Observers([metrics, EnvelopeLog(logger)])
    resolver = build_resolver(config, metrics)
    filters = build_filters(config, services_of(resolver, metrics))
    pipeline = build_pipeline(config, filters, observer, metrics, config.listener.name)
    stopping = asyncio.Event()
    transport = LibmilterTransport(pipeline, loop, logger)
    exporter = _exporter(config, metrics, stopping)
    listener = open_listener(config.listener)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    died = asyncio.Event()

    def ended() -> None:
        died.set()
        stopping.set()

    transport.serve(listener, ended)
    if "." not in config.authserv_id:
        logger.warning("authserv_id names no organisation: set it", authserv_id=config.authserv_id)
    logger.info("serving", version=__version__, listener=config.listener.address, filters=[f.name for f in filters])
    await stopping.wait()
    await _drain(transport, listener, logger)
    close_listener(config.listener, listener)
    if exporter is not None:
        exporter.stop()
    return 70 if died.is_set() else 0


def _raise_file_limit() -> None:
    """Every session and every DNS query has a socket, and systemd starts us with a soft limit of 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _exporter(config: Config, metrics: PrometheusMetrics, stopping: asyncio.Event) -> Exporter | None:
    if config.metrics.address == "off":
        return None
    try:
        exporter = Exporter(split_host_port(config.metrics.address), metrics.registry, lambda: not stopping.is_set())
    except OSError as error:
        raise ListenError(f"cannot serve metrics on {config.metrics.address}: {error.strerror or error}") from error
    exporter.start()
    return exporter


async def _drain(transport: LibmilterTransport, listener: socket.socket, logger: Logger) -> None:
    """Accept nothing more, and let the envelopes in flight end.

    libmilter itself cannot do this: its own stop drops sessions. A listener that nobody can reach is put
    in place of ours, under the same file descriptor.
    """
    logger.info("stopping", sessions=transport.sessions, envelopes=transport.transactions)
    with socket.socket(listener.family, socket.SOCK_STREAM) as dead:
        dead.settimeout(0)
        if listener.family == socket.AF_UNIX:
            dead.bind("")
        dead.listen(1)
        os.dup2(dead.fileno(), listener.fileno())
    for _ in range(int(STOP_SECONDS / _LOOK_SECONDS)):
        if not transport.transactions:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    # A reply that is being written has no transaction any more.
    await asyncio.sleep(0.2)
    logger.info("stopped", sessions=transport.sessions, envelopes=transport.transactions)
