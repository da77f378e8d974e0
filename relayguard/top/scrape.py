"""Reads /metrics of a running daemon: bounded in size and time, since who answers there may be anybody."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from itertools import chain
from types import MappingProxyType
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from relayguard.core.text import printable

LARGEST = 16 * 1024 * 1024
"""The largest page that is read, in bytes; that of a daemon with sixty filters has less than one million."""

TIMEOUT = 5.0
_CHUNK = 65536

Labels = frozenset[tuple[str, str]]
NOTHING: Mapping[Labels, float] = MappingProxyType({})


class ScrapeError(Exception):
    """There was nothing to read; the message says where, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What /metrics said once: the values of each name, by their labels.

    `at` is in seconds of a clock that nobody sets, `wall` since the epoch.
    """

    at: float
    wall: float
    samples: Mapping[str, Mapping[Labels, float]]

    def of(self, name: str) -> Mapping[Labels, float]:
        """Return the values of a name."""
        return self.samples.get(name, NOTHING)


class _Answer(Protocol):
    def read1(self, n: int, /) -> bytes: ...


def url_of(address: str) -> str:
    """Return the URL that ``host:port`` or an incomplete URL means; raises ValueError."""
    short = "://" not in address
    url = urlsplit(f"http://{address}" if short else address)
    # It also raises if the port is none.
    if url.scheme not in ("http", "https") or not url.hostname or url.port == 0 or (short and url.port is None):
        raise ValueError(f"must be host:port or an http URL, not {printable(address)!r}")
    return url._replace(path=url.path if url.path.strip("/") else "/metrics").geturl()


def parse(text: str, at: float, wall: float) -> Scrape:
    """Read the text of /metrics; raises ValueError."""
    samples: dict[str, dict[Labels, float]] = {}
    for sample in chain.from_iterable(family.samples for family in text_string_to_metric_families(text)):
        samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return Scrape(at, wall, samples)


class Scraper:
    """Asks `url`. No proxy of the environment is asked on the way: it would not find our loopback."""

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT,
        largest: int = LARGEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self._timeout = timeout
        self._largest = largest
        self._clock = clock
        self._opener = build_opener(ProxyHandler({}))

    def look(self) -> Scrape:
        """Return what /metrics says now; raises ScrapeError."""
        try:
            with self._opener.open(self.url, timeout=self._timeout) as answer:
                content = self._read(answer)
            return parse(content.decode(), self._clock(), time.time())
        except HTTPError as error:
            error.close()
            raise self._error(
                f"the answer is {error.code} {error.reason}", "is this the address of /metrics?"
            ) from error
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise self._error(
                f"no answer: {why}",
                "does the daemon run, and is this its metrics.address? (--address asks elsewhere)",
            ) from error
        except ValueError as error:
            raise self._error(f"no metrics: {error}", "is this the address of a Relayguard?") from error

    def _read(self, answer: _Answer) -> bytes:
        """Read it all; the timeout is for the whole, however small the pieces in which it comes."""
        content = bytearray()
        end = self._clock() + self._timeout
        while piece := answer.read1(_CHUNK):
            content += piece
            if len(content) > self._largest:
                raise ValueError(f"more than {self._largest} bytes")
            if self._clock() > end:
                raise TimeoutError("timed out")
        return bytes(content)

    def _error(self, what: str, advice: str) -> ScrapeError:
        return ScrapeError(f"{printable(self.url)}: {printable(what)}; {advice}")
