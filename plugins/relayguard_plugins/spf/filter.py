"""The SPF filter: measures MAIL FROM and HELO of incoming mail, and judges nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from relayguard import (
    Effect,
    Envelope,
    Services,
    Session,
    SpfIdentity,
    SpfResult,
    SpfValue,
    comes_from_outside,
    hookimpl,
    printable,
    to_a_labels,
)
from relayguard_plugins.spf.evaluation import Checked, Evaluator


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.spf]`` table. `timeout` is in seconds, for one identity."""

    timeout: float = 8.0
    helo: bool = True

    def __post_init__(self) -> None:
        # The stage ends after 10 seconds; a filter that is cut off there has found nothing at all.
        if not 0 < self.timeout <= 9:
            raise ValueError(f"timeout must be more than 0 and at most 9 seconds, not {self.timeout}")


class SpfFilter:
    """Yields an `SpfResult` for MAIL FROM, and one for HELO."""

    def __init__(self, options: Options, services: Services) -> None:
        self._options = options
        self._evaluator = Evaluator(services.resolver, services.metrics, "unknown", options.timeout)

    @hookimpl
    async def mail_from(self, session: Session, envelope: Envelope) -> AsyncIterator[Effect]:
        """Check both identities; our own users and relays are not judged by where they connect from."""
        if not comes_from_outside(session, envelope):
            return
        sender = envelope.sender
        # Both at once: MAIL FROM must not wait for the name servers of HELO.
        helo, mail_from = await asyncio.gather(self._check_helo(session, envelope), self._check(session, envelope))
        if sender.is_null and helo is not None:
            # RFC 7208 §2.4: the null sender is postmaster@ the HELO name.
            mail_from = helo
        yield SpfResult(
            value=mail_from.value,
            identity=SpfIdentity.MAIL_FROM,
            domain=_helo_domain(session) if sender.is_null else sender.domain,
            identifier=_identifier(envelope, session),
            reason=mail_from.reason,
        )
        if helo is not None and self._options.helo and session.helo:
            yield SpfResult(
                value=helo.value,
                identity=SpfIdentity.HELO,
                domain=_helo_domain(session),
                identifier=session.helo,
                reason=helo.reason,
            )

    async def _check_helo(self, session: Session, envelope: Envelope) -> Checked | None:
        if not self._options.helo and not envelope.sender.is_null:
            return None
        return await self._evaluator.check(session.client_address, "postmaster", session.helo, session.helo)

    async def _check(self, session: Session, envelope: Envelope) -> Checked:
        sender = envelope.sender
        if sender.defect:
            # Never fall back to HELO: that would lend a malformed sender somebody's pass.
            return Checked(SpfValue.PERMERROR, f"malformed sender: {sender.defect}")
        return await self._evaluator.check(session.client_address, sender.local, sender.domain, session.helo)


def _helo_domain(session: Session) -> str:
    return to_a_labels(session.helo) or session.helo.lower()


def _identifier(envelope: Envelope, session: Session) -> str:
    if envelope.sender.is_null:
        return f"postmaster@{session.helo}"
    return str(envelope.sender) or printable(envelope.sender.raw)
