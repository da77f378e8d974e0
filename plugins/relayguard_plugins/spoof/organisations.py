"""Which domains belong to one organisation, as far as the Public Suffix List tells: a guess good enough for a signal."""

from functools import lru_cache

from relayguard_plugins.spoof.likeness.suffixes import Suffixes

SUFFIXES = Suffixes()


@lru_cache(maxsize=4096)
def organisation_of(domain: str) -> str:
    """Return the name below the public suffix, in A-labels; the domain itself where there is none.

    >>> organisation_of("mail.example.co.uk")
    'example.co.uk'
    """
    return SUFFIXES.registrable(domain) or domain


def same_organisation(one: str, other: str) -> bool:
    """Tell whether two domains belong together."""
    return organisation_of(one) == organisation_of(other)
