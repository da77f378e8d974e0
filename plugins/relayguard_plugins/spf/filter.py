"""The SPF filter: measures MAIL FROM and HELO of incoming mail, and judges only what the postmaster wants judged."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import ClassVar

from relayguard import (
    Defer,
    Effect,
    Envelope,
    Reject,
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
from relayguard_plugins.spf.evaluation import WIDEST, Checked, Evaluator, Sender

_ERRORS = frozenset({SpfValue.TEMPERROR, SpfValue.PERMERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.spf]`` table. `timeout` is in seconds, for one identity.

    `reject` and `defer` name the results of MAIL FROM that are refused, `helo_reject` and `helo_defer` those of
    HELO. A pass is marked as permissive if its records let more addresses pass than a network of
    `permissive_ipv4` or `permissive_ipv6` bits holds.
    """

    timeout: float = 8.0
    helo: bool = True
    reject: frozenset[SpfValue] = frozenset()
    defer: frozenset[SpfValue] = frozenset()
    helo_reject: frozenset[SpfValue] = frozenset()
    helo_defer: frozenset[SpfValue] = frozenset()
    permissive_ipv4: int = WIDEST[32]
    permissive_ipv6: int = WIDEST[128]

    def __post_init__(self) -> None:
        problems = [problem for wrong, problem in self._problems() if wrong]
        if problems:
            raise ValueError("; ".join(problems))

    def _problems(self) -> Iterator[tuple[bool, str]]:
        # The stage ends after 10 seconds; a filter that is cut off there has found nothing at all.
        yield not 0 < self.timeout <= 9, f"timeout must be more than 0 and at most 9 seconds, not {self.timeout}"
        yield not 0 <= self.permissive_ipv4 <= 32, f"permissive_ipv4 must be 0 to 32, not {self.permissive_ipv4}"
        yield not 0 <= self.permissive_ipv6 <= 128, f"permissive_ipv6 must be 0 to 128, not {self.permissive_ipv6}"
        for prefix, reject, defer in (("", self.reject, self.defer), ("helo_", self.helo_reject, self.helo_defer)):
            asks = f"{prefix}reject: temperror means that DNS did not answer; name it under {prefix}defer"
            yield SpfValue.TEMPERROR in reject, asks
            yield SpfValue.PASS in reject | defer, f"{prefix}reject, {prefix}defer: a pass cannot be refused"
            both = ", ".join(sorted(reject & defer))
            yield bool(both), f"{prefix}reject, {prefix}defer: {both} stands in both"
        unchecked = not self.helo and bool(self.helo_reject | self.helo_defer)
        yield unchecked, "helo_reject, helo_defer: with helo = false nothing of HELO is refused"


class SpfFilter:
    """Yields an `SpfResult` for MAIL FROM, and one for HELO; a verdict only where the options ask for one."""

    follows_profile: ClassVar[bool] = True

    def __init__(self, options: Options, services: Services) -> None:
        self._options = options
        widest = {32: options.permissive_ipv4, 128: options.permissive_ipv6}
        # RFC 7208 §7.3: the receiver's name is for explanations, and they are never fetched.
        self._evaluator = Evaluator(services.resolver, services.metrics, "unknown", options.timeout, widest)
        self._refusals: dict[SpfIdentity, tuple[frozenset[SpfValue], frozenset[SpfValue]]] = {
            SpfIdentity.MAIL_FROM: (options.reject, options.defer),
            SpfIdentity.HELO: (options.helo_reject, options.helo_defer),
        }

    @hookimpl
    async def mail_from(self, session: Session, envelope: Envelope) -> AsyncIterator[Effect]:
        """Check both identities; our own users and relays are not judged by where they connect from."""
        if not comes_from_outside(session, envelope):
            return
        found = await self._check(session, envelope)
        helo_domain, null = _helo_domain(session), envelope.sender.is_null
        domain = helo_domain if null else envelope.sender.domain
        identifier = _identifier(envelope, session)
        results = [_result(found[SpfIdentity.MAIL_FROM], SpfIdentity.MAIL_FROM, domain, identifier)]
        if self._options.helo and session.helo:
            results.append(_result(found[SpfIdentity.HELO], SpfIdentity.HELO, helo_domain, session.helo))
        for result in results:
            yield result
        for result in results:
            refusal = self._refusal(result, session)
            if refusal is not None:
                yield refusal

    async def _check(self, session: Session, envelope: Envelope) -> dict[SpfIdentity, Checked]:
        sender, client, helo = envelope.sender, session.client_address, session.helo
        asked: dict[SpfIdentity, Sender] = {}
        if self._options.helo or sender.is_null:
            asked[SpfIdentity.HELO] = Sender(client, "postmaster", helo, helo)
        if not sender.is_null and not sender.defect:
            asked[SpfIdentity.MAIL_FROM] = Sender(client, sender.local, sender.domain, helo)
        found = dict(zip(asked, await self._evaluator.check_all(list(asked.values())), strict=True))
        if sender.is_null:
            # RFC 7208 §2.4: the null sender is postmaster@ the HELO name.
            found[SpfIdentity.MAIL_FROM] = found[SpfIdentity.HELO]
        elif sender.defect:
            # Never fall back to HELO: that would lend a malformed sender somebody's pass.
            found[SpfIdentity.MAIL_FROM] = Checked(SpfValue.PERMERROR, f"malformed sender: {sender.defect}")
        return found

    def _refusal(self, result: SpfResult, session: Session) -> Reject | Defer | None:
        reject, defer = self._refusals[result.identity]
        if result.value not in reject and result.value not in defer:
            return None
        # RFC 7372 §3.2: X.7.23 for what SPF says, X.7.24 for an error.
        number = 24 if result.value in _ERRORS else 23
        text = f"SPF of {result.domain} is {result.value} for {session.client_address}"
        if result.value in reject:
            return Reject(text=text, enhanced=f"5.7.{number}")
        return Defer(text=text, enhanced=f"4.7.{number}")


def _result(checked: Checked, identity: SpfIdentity, domain: str, identifier: str) -> SpfResult:
    return SpfResult(
        value=checked.value,
        identity=identity,
        domain=domain,
        identifier=identifier,
        permissive=checked.permissive,
        reason=checked.reason,
    )


def _helo_domain(session: Session) -> str:
    return to_a_labels(session.helo) or session.helo.lower()


def _identifier(envelope: Envelope, session: Session) -> str:
    if envelope.sender.is_null:
        return f"postmaster@{session.helo}"
    return str(envelope.sender) or printable(envelope.sender.raw)
