from pathlib import Path

import pytest

from relayguard.cli.hottest import KEYS, HottestKeys
from relayguard.config import Config, ConfigError, Problem, Store
from relayguard.core.limits import Charge
from relayguard.testing.ports import free_port
from tests.relayguard.cli.test_limits import MESSAGES, RATE, count


def of(store: Store) -> HottestKeys:
    return HottestKeys(Config(authserv_id="mx.example.com", store=store))


def test_who_has_used_most_of_a_limit_comes_first(tmp_path: Path) -> None:
    count(tmp_path, Charge(MESSAGES, "bob", 9), *(Charge(RATE, f"eve{number}", number) for number in range(1, 12)))
    keys = of(Store(folder=tmp_path / "limits"))
    assert keys.none_yet.place == str(tmp_path / "limits")
    found = keys()
    assert (found.trouble, len(found.entries)) == (None, KEYS)
    assert (found.entries[0].limit, found.entries[0].key) == ("login-messages", "bob")
    # It sees what came since.
    count(tmp_path, Charge(MESSAGES, "mallory", 10))
    assert keys().entries[0].key == "mallory"


def test_where_nothing_was_counted_there_are_none_and_nothing_is_made(tmp_path: Path) -> None:
    assert of(Store(folder=tmp_path / "limits"))().entries == []
    assert not (tmp_path / "limits").exists()


@pytest.mark.parametrize(
    ("store", "place", "trouble"),
    [
        (Store(kind="memory"), "the memory store", "what is counted in the memory of the workers cannot be seen"),
        (
            Store(kind="redis", url="redis://bob:secret@127.0.0.1/0"),
            "the redis store",
            "the configuration has errors: store: ",
        ),
        (Store(kind="redis", url=f"redis://127.0.0.1:{free_port()}/0"), "the redis store", "Connect call failed"),
    ],
    ids=["memory", "wrong", "away"],
)
def test_what_is_in_the_way_is_told(store: Store, place: str, trouble: str) -> None:
    found = of(store)()
    assert found.place == place
    assert trouble in (found.trouble or "")
    assert "secret" not in str(found)
    assert not found.entries


def test_a_configuration_with_errors_does_not_tell_where_the_daemon_counts() -> None:
    keys = HottestKeys(ConfigError([Problem("store.kind", "is none")]))
    assert (keys().place, keys().trouble) == ("the store", "the configuration has errors: store.kind: is none")
