import os
from pathlib import Path

import pytest

from relayguard import Limit
from relayguard.files import OperatorFiles
from relayguard_plugins.ratelimit.amounts import parse_amount
from relayguard_plugins.ratelimit.overrides import Overrides

AMOUNT = parse_amount("200 recipients per hour, burst 50")
LIMIT = AMOUNT.limit("logins")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "overrides.toml"


def amount_of(overrides: Overrides, key: str) -> int | None:
    limit: Limit | None = overrides.get(key, LIMIT)
    return limit.amount if limit is not None else None


def test_a_key_may_have_another_limit_or_none_and_the_others_have_that_of_the_rule(path: Path) -> None:
    path.write_text('"News@example.com" = "5,000 recipients per day"\n"boss@example.com" = "unlimited"\n')
    overrides = Overrides(path, "logins", AMOUNT, OperatorFiles())
    overrides.refresh()
    assert amount_of(overrides, "news@example.com") == 5000
    assert amount_of(overrides, "boss@example.com") is None
    assert amount_of(overrides, "bob@example.com") == 200


def test_a_file_that_has_changed_is_read_anew(path: Path) -> None:
    path.write_text('"bob" = "10 recipients per hour"\n')
    overrides = Overrides(path, "logins", AMOUNT, OperatorFiles())
    overrides.refresh()
    path.write_text('"bob" = "1000 recipients per hour"\n')
    overrides.refresh()
    assert amount_of(overrides, "bob") == 1000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('"bob" = 10\n', "'bob': write the key and its limit in quotes"),
        ('bob.example = "unlimited"\n', "'bob': write the key and its limit in quotes"),
        ('"bob" = "many"\n', "'bob': .*write such as .*, or 'unlimited'"),
        ('"bob" = "10 messages per hour"\n', "'bob': the rule counts recipients, not messages"),
        ('\n"bob" = \n', "line 2"),
        ('"bob" = "1 recipient per hour"\n"bob" = "2 recipients per hour"\n', "line 2"),
    ],
)
def test_a_broken_file_is_told_of_once_and_what_was_read_before_holds(path: Path, text: str, problem: str) -> None:
    path.write_text('"bob" = "11 recipients per hour"\n')
    overrides = Overrides(path, "logins", AMOUNT, OperatorFiles())
    overrides.refresh()
    path.write_text(text)
    with pytest.raises(ValueError, match=problem) as error:
        overrides.refresh()
    assert str(path) in str(error.value)
    overrides.refresh()
    assert amount_of(overrides, "bob") == 11


def test_a_file_that_is_not_there_is_an_error_at_the_start(path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        Overrides(path, "logins", AMOUNT, OperatorFiles())


def test_a_file_that_is_not_text_is_refused(path: Path) -> None:
    path.write_bytes(b'"bob\xff" = "unlimited"')
    with pytest.raises(ValueError, match=r"overrides\.toml"):
        Overrides(path, "logins", AMOUNT, OperatorFiles())


def test_a_file_put_in_place_of_another_with_the_same_time_and_size_is_seen(path: Path) -> None:
    path.write_text('"bob" = "11 recipients per hour"\n')
    overrides = Overrides(path, "logins", AMOUNT, OperatorFiles())
    overrides.refresh()
    status = path.stat()
    other = path.with_name("other")
    other.write_text('"bob" = "22 recipients per hour"\n')
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    overrides.refresh()
    assert amount_of(overrides, "bob") == 22
