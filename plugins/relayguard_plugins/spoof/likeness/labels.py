"""Domain names as a person is shown them: in U-labels, whether or not IDNA 2008 would allow them."""

_PREFIX = "xn--"
# RFC 1035 §2.3.4. Decoding Punycode costs the square of the length.
_MAX_LABEL = 63


def to_u_labels(name: str) -> str:
    r"""Return `name` (in lower case) with each A-label decoded; what cannot be decoded stays. Never raises.

    >>> to_u_labels("xn--mnchen-3ya.example") == "m\u00fcnchen.example"
    True
    """
    if _PREFIX not in name:
        return name
    return ".".join(map(_u_label, name.split(".")))


def _u_label(label: str) -> str:
    if not label.startswith(_PREFIX) or len(label) > _MAX_LABEL:
        return label
    try:
        shown = label.removeprefix(_PREFIX).encode("ascii").decode("punycode")
        # Half of a pair (a lone surrogate) is no character, and can be written nowhere.
        shown.encode()
    except UnicodeError:
        return label
    return shown
