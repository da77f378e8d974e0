"""Which header fields of a message must go, because only we and our relays may write them."""

import re
from collections.abc import Iterable

from relayguard.authentication_results.render import HEADER_NAME
from relayguard.authentication_results.scan import forged_headers
from relayguard.core.headers import Header, Headers

NamePattern = re.Pattern[str]
_HEADER_NAME = HEADER_NAME.lower()


def name_pattern(names: Iterable[str]) -> NamePattern | None:
    """Return what matches the field names, in any case, of which a final ``*`` stands for anything; None for none.

    >>> bool(name_pattern(["X-Spam-*"]).fullmatch("x-spam-score"))
    True
    """
    patterns = [re.escape(name.removesuffix("*")) + (".*" if name.endswith("*") else "") for name in names]
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None


def is_strippable(name: str, pattern: NamePattern | None) -> bool:
    """Tell whether a field of this name may have to go."""
    return name.lower() == _HEADER_NAME or (pattern is not None and pattern.fullmatch(name) is not None)


def forged_fields(
    headers: Headers, authserv_id: str, pattern: NamePattern | None, limit: int | None
) -> tuple[list[Header], bool]:
    """Return the fields that must go, and whether a cap was hit; stops once there are more than `limit`."""
    forged, capped = forged_headers(headers.all(HEADER_NAME), authserv_id, limit)
    if pattern is not None:
        for header in headers:
            if limit is not None and len(forged) > limit:
                break
            if pattern.fullmatch(header.name):
                forged.append(header)
    return forged, capped
