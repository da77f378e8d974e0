"""What a rule allows, as people write it: ``200 recipients per hour, burst 50``."""

import re
from dataclasses import dataclass
from enum import StrEnum

from relayguard import Algorithm, Limit

MAX_DISTINCT = 10_000
"""A set of what was seen is kept for each key, and must stay small."""


MAX_SECONDS = 53 * 604800.0


class Counted(StrEnum):
    """What a rule counts."""

    CONNECTIONS = "connections"
    MESSAGES = "messages"
    RECIPIENTS = "recipients"
    DISTINCT_RECIPIENTS = "distinct recipients"
    BYTES = "bytes"


PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}

_SIZES = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_UNITS = {unit: (Counted.BYTES, size) for unit, size in _SIZES.items()}
for _counted in Counted:
    _UNITS[_counted.value] = _UNITS[_counted.value.removesuffix("s")] = (_counted, 1)

_NUMBER = r"[0-9](?:[0-9,_]{0,14}[0-9])?"
_LIMIT = re.compile(
    rf"(?P<amount>{_NUMBER}) (?P<unit>[A-Za-z]+(?: recipients?)?) (?:per|a|an) (?:(?P<times>{_NUMBER}) )?"
    rf"(?P<period>{'|'.join(PERIODS)})s?(?:, burst (?P<burst>{_NUMBER})(?: (?P<burst_unit>[A-Za-z]+(?: recipients?)?))?)?\Z"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of what is counted in so many seconds. With a `burst` it is a rate, else a count of any such period."""

    counted: Counted
    amount: int
    seconds: float
    burst: int
    text: str

    def limit(self, name: str) -> Limit:
        """Return the limit called `name` that says so."""
        return Limit(name, self.algorithm, self.amount, self.seconds, self.burst)

    @property
    def algorithm(self) -> Algorithm:
        """How it is counted."""
        if self.counted is Counted.DISTINCT_RECIPIENTS:
            return Algorithm.DISTINCT
        return Algorithm.RATE if self.burst else Algorithm.WINDOW


def parse_amount(text: str) -> Amount:
    """Read what a rule allows; raises ValueError that says what it may look like.

    >>> parse_amount("5,000 recipients per day").amount
    5000
    """
    found = _LIMIT.match(" ".join(text.split()))
    if not found or found["unit"] not in _UNITS or found["burst_unit"] not in (None, *_UNITS):
        raise ValueError(
            f"limit {text!r}: write such as '200 recipients per hour, burst 50', '5,000 messages per day', "
            "'300 distinct recipients per 10 minutes' or '1 GB per day'"
        )
    counted, size = _UNITS[found["unit"]]
    # A burst is in the same unit, unless it says another of the same kind.
    burst_counted, burst_size = _UNITS[found["burst_unit"] or found["unit"]]
    amount = Amount(
        counted,
        _number(found["amount"]) * size,
        PERIODS[found["period"]] * _number(found["times"] or "1"),
        _number(found["burst"] or "0") * burst_size,
        text,
    )
    _check(amount, burst_counted, says_burst=found["burst"] is not None)
    return amount


def _check(amount: Amount, burst_counted: Counted, *, says_burst: bool) -> None:
    if amount.seconds > MAX_SECONDS:
        raise ValueError(f"limit {amount.text!r}: a period is at most 53 weeks")
    if amount.amount < 1 or amount.seconds <= 0 or (says_burst and amount.burst < 1):
        raise ValueError(f"limit {amount.text!r}: the numbers must be at least 1")
    if burst_counted is not amount.counted:
        raise ValueError(f"limit {amount.text!r}: the burst must be in {amount.counted}, too")
    if amount.counted is Counted.DISTINCT_RECIPIENTS:
        if says_burst:
            raise ValueError(f"limit {amount.text!r}: distinct recipients have no burst")
        if amount.amount > MAX_DISTINCT:
            raise ValueError(f"limit {amount.text!r}: at most {MAX_DISTINCT:,} distinct recipients can be remembered")


def _number(text: str) -> int:
    return int(text.replace(",", "").replace("_", ""))
