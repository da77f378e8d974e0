import pytest

from relayguard_plugins.sender_login.owners import Nobody, read_logins


@pytest.mark.parametrize("text", ["alice,bob", "Alice, BOB", " alice\tbob ", "alice,, bob,", "bob alice bob"])
def test_logins_stand_between_commas_or_white_space_in_any_case(text: str) -> None:
    assert read_logins(text) == {"alice", "bob"}


def test_what_only_looks_like_white_space_separates_nothing() -> None:
    assert read_logins("alice\u00a0bob") == {"alice\u00a0bob"}


def test_where_nothing_is_written_there_is_no_login() -> None:
    assert read_logins(" , ") == frozenset()


def test_nobody_owns_anything() -> None:
    assert Nobody().logins("*") is None
