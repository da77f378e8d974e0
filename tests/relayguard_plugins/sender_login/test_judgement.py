from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Defer, Effect, Reject
from relayguard_plugins.sender_login.claims import Claim, Identity
from relayguard_plugins.sender_login.judgement import OnUnknown, Rights, SenderLogin, judge
from relayguard_plugins.sender_login.owners import Unknown


class Table:
    """Owners from a table; asked for anything else it can say nothing if it is `lost`."""

    def __init__(self, entries: Mapping[str, set[str]], *, lost: bool = False) -> None:
        self._entries = entries
        self._lost = lost

    def logins(self, entry: str) -> frozenset[str] | None:
        if self._lost:
            raise Unknown("the disk is gone")
        return frozenset(self._entries[entry]) if entry in self._entries else None


TABLE = Table(
    {
        "info@example.com": {"alice", "bob@example.com"},
        "ceo@example.com": {"ceo"},
        "closed@example.com": set(),
        "@example.com": {"alice"},
        "bob+lists@example.com": {"lists"},
        "*": {"newsletter"},
    }
)


def rights(table: Table = TABLE, *, own_address: bool = True, subaddresses: str = "+") -> Rights:
    return Rights(table, own_address=own_address, subaddresses=subaddresses)


@pytest.mark.parametrize(
    ("login", "address"),
    [
        ("alice", "info@example.com"),
        ("Alice", "info@example.com"),
        ("bob@example.com", "info@example.com"),
        ("alice", "info+sub@example.com"),
        ("alice", "anybody@example.com"),
        ("newsletter", "news@example.net"),
        ("lists", "bob+lists@example.com"),
        ("bob@example.com", "bob@example.com"),
        ("BOB@Example.com", "bob@example.com"),
        ("bob@example.com", "bob+any@example.com"),
        # Its own address stays its own, whoever else may use it.
        ("bob@example.com", "bob+lists@example.com"),
    ],
)
def test_a_login_may_write_as_what_the_nearest_entry_gives_it_and_as_itself(login: str, address: str) -> None:
    assert rights().may(login, address)


@pytest.mark.parametrize(
    ("login", "address"),
    [
        ("bob", "bob@example.com"),
        ("bob", "info@example.com"),
        ("bob@example.com", "carol@example.com"),
        ("bob@example.com", "bob@example.net"),
        # The nearest entry alone decides: a whole domain is not what has an owner in it, nor everything a domain.
        ("alice", "ceo@example.com"),
        ("alice", "ceo+x@example.com"),
        ("alice", "bob+lists@example.com"),
        ("alice", "closed@example.com"),
        ("newsletter", "x@example.com"),
        # A domain is not what lies under it.
        ("alice", "x@sub.example.com"),
        ("", "info@example.com"),
        ("@example.com", "x@example.com"),
        ("*", "news@example.net"),
        ("\udcff@example.com", "?@example.com"),
    ],
)
def test_a_login_may_not_write_as_anybody_else(login: str, address: str) -> None:
    assert not rights().may(login, address)


def test_own_addresses_and_subaddresses_can_be_ruled_out() -> None:
    assert not rights(own_address=False).may("bob@example.com", "bob@example.com")
    assert not rights(subaddresses="").may("bob@example.com", "bob+x@example.com")
    assert rights(subaddresses="-").may("bob@example.com", "bob-x@example.com")


def effects(claim: Claim, login: str = "bob", *, lost: bool = False, on_unknown: OnUnknown = "defer") -> list[Effect]:
    return list(judge(rights(Table({}, lost=lost) if lost else TABLE), login, [claim], on_unknown))


def test_what_is_allowed_has_no_effect() -> None:
    assert effects(Claim(Identity.FROM, ("info@example.com", "x@example.com")), "alice") == []


def test_one_address_that_is_not_allowed_is_enough_and_the_reply_names_it() -> None:
    claim = Claim(Identity.FROM, ("info@example.com", "ceo@example.com", "x@example.net"))
    assert effects(claim, "alice") == [
        SenderLogin(identity=Identity.FROM, login="alice", address="ceo@example.com", why="not allowed"),
        Reject(text="alice may not write as ceo@example.com (From)", code=553, enhanced="5.7.1"),
    ]


def test_who_may_write_as_anybody_must_still_say_as_whom() -> None:
    assert effects(Claim(Identity.SENDER, unclear="several Sender fields"), "newsletter") == [
        SenderLogin(identity=Identity.SENDER, login="newsletter", why="several Sender fields"),
        Reject(text="It must be clear who writes: several Sender fields", code=553, enhanced="5.7.1"),
    ]


def test_where_nobody_can_tell_mail_waits_or_goes_on_as_the_postmaster_says() -> None:
    claim = Claim(Identity.MAIL_FROM, ("x@example.com",))
    found = SenderLogin(identity=Identity.MAIL_FROM, login="bob", why="cannot tell: the disk is gone")
    defer = Defer(text="Cannot tell now who may write as whom", code=451, enhanced="4.3.0")
    assert effects(claim, lost=True) == [found, defer]
    assert effects(claim, lost=True, on_unknown="accept") == [found]
    assert effects(Claim(Identity.MAIL_FROM, ("bob@b.c",)), "bob@b.c", lost=True) == []


def test_each_claim_is_judged_by_itself() -> None:
    claims = [
        Claim(Identity.FROM, ("a@a.a",)),
        Claim(Identity.SENDER, ("alice@a.a",)),
        Claim(Identity.FROM, ("b@b.b",)),
    ]
    found = [
        effect.address
        for effect in judge(rights(Table({})), "alice@a.a", claims, "defer")
        if isinstance(effect, SenderLogin)
    ]
    assert found == ["a@a.a", "b@b.b"]


@pytest.mark.parametrize(
    ("result", "noted"),
    [
        (
            SenderLogin(identity=Identity.MAIL_FROM, login="bob", address="a@example.com", why="not allowed"),
            "MAIL FROM a@example.com, login bob: not allowed",
        ),
        (
            SenderLogin(identity=Identity.FROM, login="b\nob", why="malformed \x1b From"),
            "From, login b?ob: malformed ? From",
        ),
    ],
)
def test_the_log_says_which_identity_was_wrong_for_which_login(result: SenderLogin, noted: str) -> None:
    assert result.noted() == noted
    assert result.reported() is None


@given(st.text(), st.text(), st.text(alphabet="+-="))
def test_any_login_and_any_address_are_judged(login: str, local: str, delimiters: str) -> None:
    claim = Claim(Identity.FROM, (f"{local}@example.net",))
    found = list(judge(rights(subaddresses=delimiters), login, [claim], "defer"))
    assert [type(effect) for effect in found] in ([], [SenderLogin, Reject])
    for effect in found:
        if isinstance(effect, SenderLogin):
            noted = effect.noted()
            assert noted.isascii()
            assert noted.isprintable()
