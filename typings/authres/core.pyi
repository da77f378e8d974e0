"""Exactly the names that Relayguard uses of authres."""

from collections.abc import Sequence

class QuotableValue(str):
    def quote_if_needed(self) -> str: ...

class AuthenticationResultProperty:
    value: QuotableValue | None
    def __init__(self, type: str, name: str, value: str | None = ..., comment: str | None = ...) -> None: ...

class NoneAuthenticationResult: ...

class AuthenticationResult:
    method: str
    result: str
    result_comment: str | None
    reason: QuotableValue | None
    properties: Sequence[AuthenticationResultProperty]
    def __init__(
        self,
        method: str,
        *,
        result: str,
        result_comment: str | None = ...,
        properties: Sequence[AuthenticationResultProperty] | None = ...,
    ) -> None: ...

class AuthenticationResultsHeader:
    NONE_RESULT: NoneAuthenticationResult
