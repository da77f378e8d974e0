"""What an input may cost: the promise is 50 ms of CPU, and 5 ms for each megabyte."""

SECONDS = 0.050
SECONDS_PER_MEGABYTE = 0.005


def budget(size: int) -> float:
    """Return the seconds of CPU that a message of this many bytes may take."""
    return SECONDS + SECONDS_PER_MEGABYTE * size / 1e6
