"""A rule, ready to be asked: which counters it charges for what is known, and what it does when one is used up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, isinf

from relayguard import Charge, Defer, Files, Quarantine, Reject, Result, Role, Stage, Standing, Verdict
from relayguard_plugins.ratelimit.amounts import Counted
from relayguard_plugins.ratelimit.conditions import checks_of
from relayguard_plugins.ratelimit.facts import Fact, Known, Reading, mailbox, reader_of
from relayguard_plugins.ratelimit.options import RuleOptions
from relayguard_plugins.ratelimit.overrides import Overrides

_OF_CLIENTS = frozenset({Fact.CLIENT, Fact.NETWORK})
_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OverLimit(Result):
    """Something went beyond a rule's limit for `key`; `retry_after` is in seconds."""

    rule: str
    key: str
    limit: str
    retry_after: float

    def noted(self) -> str:
        """See `Result`."""
        return f"{self.rule}: {self.key} is over {self.limit}{coming_back(self.retry_after)}"


class Rule:
    """One rule. `stage` is where it is asked, `refreshed` what it looks up in a file."""

    def __init__(self, options: RuleOptions, files: Files) -> None:
        amount = options.amount
        self.name = options.name
        self.stage = options.stage
        self.counted = amount.counted
        self.action = options.action
        self.listeners = (*(options.match.listener or ()), *(options.exempt.listener or ()))
        self.limit = amount.limit(options.name)
        self.refreshed = Overrides(options.overrides, options.name, amount, files) if options.overrides else None
        self._amount = amount
        self._key = " ".join(options.key)
        self._binding = options.action in ("defer", "reject")
        self._matching = checks_of(options.match)
        self._exempting = checks_of(options.exempt)
        reading = Reading(options.ipv4_prefix, options.ipv6_prefix, options.delimiter)
        self._delimiter = options.delimiter
        self._readers = [reader_of(fact, reading) for fact in options.key]
        # Unless the rule says otherwise: this host's own mail would become a bounce of a bounce, and a relay of ours
        # is the client of everybody's mail.
        self._spares_local = Role.LOCAL not in (options.match.role or ())
        self._spares_relays = bool(_OF_CLIENTS & set(options.key)) and options.match.client is None
        self._same_for_all_recipients = not any(
            fact in (Fact.RECIPIENT, Fact.RECIPIENT_DOMAIN) for fact in options.facts
        )

    @property
    def same_for_all_recipients(self) -> bool:
        """Whether it charges the same counters for each recipient of an envelope."""
        return self._same_for_all_recipients and self.counted is Counted.RECIPIENTS

    def charges(self, known: Known, cost: int = 1) -> list[Charge]:
        """Return what is to be charged; nothing if the rule is not about this."""
        if self._spares(known):
            return []
        for matches in self._matching:
            if not matches(known):
                return []
        for exempts in self._exempting:
            if exempts(known):
                return []
        distinct = self.counted is Counted.DISTINCT_RECIPIENTS
        member = "".join(mailbox(known.recipient, self._delimiter)) if distinct else ""
        charges = []
        for key in self._keys(known):
            limit = self.limit if self.refreshed is None else self.refreshed.get(key, self.limit)
            if limit is not None:
                charges.append(Charge(limit, key, cost, member, self._binding))
        return charges

    def _keys(self, known: Known) -> Sequence[str]:
        if len(self._readers) == 1:
            return self._readers[0](known)
        # Mostly each fact has one value.
        return [" ".join(parts) for parts in product(*[reader(known) for reader in self._readers])]

    def _spares(self, known: Known) -> bool:
        session, envelope = known.session, known.envelope
        local = session.local if envelope is None else envelope.role is Role.LOCAL
        return (local and self._spares_local) or (session.trusted_relay and self._spares_relays)

    def result(self, charge: Charge, standing: Standing) -> OverLimit:
        """Return what was found when a charge was not admitted."""
        return OverLimit(rule=self.name, key=charge.key, limit=self._text(charge), retry_after=standing.retry_after)

    def _text(self, charge: Charge) -> str:
        limit = charge.limit
        return self._amount.text if limit is self.limit else f"its own limit of {limit.capacity:,}"

    def verdict(self, standing: Standing) -> Verdict | None:
        """Return what is to be done when a charge was not admitted; None in shadow."""
        if isinf(standing.retry_after) and self._binding:
            # To try again would change nothing. RFC 5321 §4.2.3: 552 is for what is too large.
            text = f"More {self.counted} at once than are ever admitted"
            return (
                Reject(text=text, code=552, enhanced="5.2.3") if self.counted is Counted.BYTES else Reject(text=text)
            )
        text = f"Too many {self.counted}{coming_back(standing.retry_after)}"
        if self.action == "defer":
            # RFC 5321 §4.2.1, §3.8: 421 says that the server closes the connection.
            of_session = self.stage is Stage.CONNECT
            return Defer(text=text, code=421 if of_session else 450, enhanced="4.7.0" if of_session else "4.7.1")
        if self.action == "reject":
            return Reject(text=text, code=554 if self.stage is Stage.CONNECT else 550)
        return Quarantine(reason=f"over the limit {self.name}") if self.action == "quarantine" else None

    def about(self) -> Mapping[str, str]:
        """Return what the rule is, for people."""
        return {"limit": self._amount.text, "key": self._key, "action": self.action, "at": self.stage.value}


def coming_back(seconds: float) -> str:
    """Say when to try again, rounded up to what people can remember.

    >>> coming_back(725.0)
    ', try again in 13 minutes'
    """
    if isinf(seconds):
        return ", and more at once than is ever admitted"
    size, unit = next((each for each in _UNITS if seconds > 2 * each[0]), _UNITS[-1])
    number = max(1, ceil(seconds / size))
    return f", try again in {number} {unit if number > 1 else unit.removesuffix('s')}"
