"""Caps: bounds on work that are checked before any parser sees the bytes. Each has a counter."""

from enum import StrEnum


class Cap(StrEnum):
    """A bound that a message ran into; the value is the label of ``relayguard_caps_hit_total``."""

    HEADER_BLOCK = "header_block"
    """The header block is larger than 256 KB, or has more than 5,000 fields; the rest of it is not looked at."""
    AUTHENTICATION_RESULTS = "authentication_results"
    """More than 50 Authentication-Results fields, or one larger than 16 KB."""
    DKIM_SIGNATURES = "dkim_signatures"
    """More than 10 DKIM signatures; the rest is not verified."""
    DKIM_SIGNATURE_SIZE = "dkim_signature_size"
    """A DKIM-Signature larger than 8 KB."""
    DKIM_SIGNED_NAMES = "dkim_signed_names"
    """A DKIM-Signature that names more than 100 header fields."""
    DKIM_KEY = "dkim_key"
    """A DKIM key whose modulus or exponent is out of bounds, or an ARC chain whose keys are so together."""
    ARC_SETS = "arc_sets"
    """More than 50 ARC sets; the chain fails."""
    DNS_QUERIES = "dns_queries"
    """A check wanted more DNS queries for one message than it may have."""
    FROM_SIZE = "from_size"
    """A From field larger than 16 KB."""
