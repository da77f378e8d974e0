from pathlib import Path
from typing import Any

import pytest

from relayguard_plugins.sender_login.claims import Identity
from relayguard_plugins.sender_login.options import Options


def test_without_a_word_a_login_may_write_as_itself_alone() -> None:
    options = Options()
    assert options.map is None
    assert options.database is None
    assert options.own_address
    assert options.on_unknown == "defer"
    assert set(options.identities) == set(Identity)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"map": Path("a"), "database": Path("b")}, "map and database exclude each other"),
        ({"own_address": False}, "nobody could write"),
        ({"timeout": 0.0}, "timeout must be"),
        ({"timeout": 60.0}, "timeout must be"),
        ({"timeout": float("nan")}, "timeout must be"),
        ({"cache_seconds": -1.0}, "cache_seconds must be"),
        ({"subaddresses": "+@"}, "'@' cannot stand in a local part"),
        ({"subaddresses": "x"}, "'x' cannot"),
        ({"identities": ()}, "at least one of mail_from, from, sender"),
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Options(**said)


def test_nobody_needs_an_own_address_where_a_map_says_who_has_which() -> None:
    assert not Options(own_address=False, map=Path("map")).own_address
