"""Numbers as people read them at a glance: three or four characters each."""

from relayguard.top.rates import Count, Quantile

UNKNOWN = "-"


def rate(count: Count | float | None) -> str:
    """Return how often a second. Nothing, where it never happened: what did happen stands out."""
    if count is None:
        return ""
    value = count.rate if isinstance(count, Count) else count
    if value == 0:
        return "0"
    if value < 0.005:
        return "<0.01"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def whole(value: float) -> str:
    """Return how many."""
    return f"{value:.0f}"


def part(value: float | None) -> str:
    """Return a part of 1."""
    if value is None:
        return UNKNOWN
    return "<1%" if 0 < value < 0.005 else f"{value:.0%}"


def time(value: Quantile | float | None) -> str:
    """Return how long something took."""
    if value is None:
        return UNKNOWN
    seconds, sign = value if isinstance(value, Quantile) else (value, "")
    milliseconds = seconds * 1000
    if milliseconds >= 1000:
        return f"{sign}{seconds:.1f} s"
    return f"{sign}{milliseconds:.2f} ms" if milliseconds < 10 else f"{sign}{milliseconds:.0f} ms"


_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float | None) -> str:
    """Return for how long something has been so, in its two greatest units."""
    if seconds is None:
        return UNKNOWN
    left = int(seconds)
    shown: list[str] = []
    for size, unit in _UNITS:
        number, left = divmod(left, size)
        if number or shown or unit == "s":
            shown.append(f"{number} {unit}")
    return " ".join(shown[:2])


def memory(octets: float) -> str:
    """Return how much memory."""
    return f"{octets / 1e6:.0f} MB"
