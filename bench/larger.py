"""Messages that grow in one respect alone: what a message costs is drawn against it."""

import random
from collections.abc import Iterator
from dataclasses import replace

from bench.corpus import WHEN, Case, Message, message
from bench.keys import KeyPair
from bench.signing import sign
from bench.site import Site, known_sites

SIGNATURES = (0, 1, 2, 4, 6, 8, 10)
RECIPIENTS = (1, 25, 50, 100, 150, 200)
FIELDS = (10, 100, 250, 500, 1000, 1500, 2000)
BODIES = (1_000, 10_000, 100_000, 1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000)

_EACH = 4
_LINE = b"An ordinary line of text, as long as lines of text in mail are, or nearly.\r\n"


def larger_messages(keys: tuple[KeyPair, ...], bodies: tuple[int, ...] = BODIES) -> Iterator[Message]:
    """Yield them, with bodies of so many bytes; the sets are named ``signatures-2``, ``recipients-50`` and so on."""
    sites = known_sites(keys)
    for count in SIGNATURES:
        for case, raw, site in _plain(f"signatures-{count}", sites):
            yield case, _signed(raw, [site, *(each for each in sites if each is not site)][:count])
    for count in RECIPIENTS:
        for case, raw, site in _plain(f"recipients-{count}", sites):
            named = ",".join(f"user{number}@bench.test" for number in range(count))
            yield replace(case, recipient=named), _signed(raw, [site])
    for count in FIELDS:
        for case, raw, site in _plain(f"fields-{count}", sites):
            yield case, b"".join(b"X-Filler: %06d filler\r\n" % at for at in range(count)) + _signed(raw, [site])
    for size in bodies:
        for case, raw, site in _plain(f"body-{size}", sites[:1]):
            yield case, _signed(raw + _LINE * ((size - len(raw)) // len(_LINE)), [site])


def _plain(name: str, sites: list[Site]) -> Iterator[tuple[Case, bytes, Site]]:
    """Yield small unsigned messages of several sites."""
    for number, site in enumerate(sites[:_EACH]):
        case, raw = message(number, "2K", "unsigned", site, random.Random(number))
        yield replace(case, id=f"{name}-{number}", set=name, kind="larger"), raw, site


def _signed(raw: bytes, signers: list[Site]) -> bytes:
    for site in reversed(signers):
        raw = sign(raw, site.domain, "s2048", site.keys.rsa, WHEN)
    return raw
