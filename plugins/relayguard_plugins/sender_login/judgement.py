"""Whether a login may write as it does, and what is done if not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from relayguard import Defer, Effect, Reject, Result, parse_path, printable
from relayguard_plugins.sender_login.addresses import entries_for, lowered, spelled_path, without_subaddress
from relayguard_plugins.sender_login.claims import SHOWN, Claim, Identity
from relayguard_plugins.sender_login.owners import Owners, Unknown

OnUnknown = Literal["accept", "defer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderLogin(Result):
    """A login writes as somebody that it may not be, or nobody can tell; who signs should not sign this.

    `address` is None where it is not one address that is wrong, `why` says what is.
    """

    identity: Identity
    login: str
    address: str | None = None
    why: str

    def noted(self) -> str:
        """See `Result`."""
        shown = f" {printable(self.address)}" if self.address is not None else ""
        return f"{SHOWN[self.identity]}{shown}, login {printable(self.login)}: {printable(self.why)}"


class Rights:
    """Who may write as whom. All addresses are spelled as `addresses` does."""

    def __init__(self, owners: Owners, *, own_address: bool, subaddresses: str) -> None:
        self._owners = owners
        self._own_address = own_address
        self._delimiters = subaddresses

    def may(self, login: str, address: str) -> bool:
        """Tell whether `login` may write as `address`; raises Unknown. The nearest entry that exists decides."""
        if self._own_address and self._is_own(login, address):
            return True
        for entry in entries_for(address, self._delimiters):
            logins = self._owners.logins(entry)
            if logins is not None:
                return lowered(login) in logins
        return False

    def _is_own(self, login: str, address: str) -> bool:
        # A login need not be UTF-8; then it is no address.
        own = spelled_path(parse_path(login.encode("utf-8", "surrogatepass")))
        return own is not None and own in (address, without_subaddress(address, self._delimiters))


def judge(rights: Rights, login: str, claims: Iterable[Claim], on_unknown: OnUnknown) -> Iterator[Effect]:
    """Return what is wrong with each claim, and what is to be done about it."""
    for claim in claims:
        if claim.unclear is not None:
            yield SenderLogin(identity=claim.identity, login=login, why=claim.unclear)
            yield _refusal(f"It must be clear who writes: {claim.unclear}")
            continue
        try:
            wrong = next((address for address in claim.addresses if not rights.may(login, address)), None)
        except Unknown as unknown:
            yield SenderLogin(identity=claim.identity, login=login, why=f"cannot tell: {unknown}")
            if on_unknown == "defer":
                # Postfix, too, says so if it cannot read a map.
                yield Defer(text="Cannot tell now who may write as whom", code=451, enhanced="4.3.0")
            continue
        if wrong is not None:
            yield from refused(claim.identity, login, wrong)


def refused(identity: Identity, login: str, address: str) -> Iterator[Effect]:
    """Return what becomes of mail whose login may not write as `address`."""
    yield SenderLogin(identity=identity, login=login, address=address, why="not allowed")
    # RFC 4954 §4: a mechanism need not give a name.
    named = login or "a login without a name"
    yield _refusal(f"{named} may not write as {address} ({SHOWN[identity]})")


def _refusal(text: str) -> Reject:
    """Return what Postfix says where a sender is not the login's own."""
    return Reject(text=text, code=553, enhanced="5.7.1")
