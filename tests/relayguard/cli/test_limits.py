import asyncio
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from relayguard.core.limits import Algorithm, Charge, Limit
from relayguard.stores.lmdb.backend import LmdbBackend
from relayguard.testing.redis import PrivateRedis
from tests.relayguard.cli.conftest import Run

RULES = """
authserv_id = "mx.example.com"
filters = ["ratelimit", "author", "spf"]
[[filter.ratelimit.rule]]
name = "login-rate"
limit = "200 recipients per hour, burst 50"
key = ["login"]
[[filter.ratelimit.rule]]
name = "login-messages"
limit = "10 messages per day"
key = ["login"]
[[filter.ratelimit.rule]]
name = "door"
limit = "30 connections per minute"
key = ["network"]
action = "reject"
"""
RATE = Limit("login-rate", Algorithm.RATE, 200, 3600.0, 50)
MESSAGES = Limit("login-messages", Algorithm.WINDOW, 10, 86400.0)

Configure = Callable[[str], Path]


@pytest.fixture
def path(config: Configure, tmp_path: Path) -> Path:
    return config(f'{RULES}\n[store]\nfolder = "{tmp_path}/limits"\n')


def count(tmp_path: Path, *charges: Charge) -> None:
    """Count as a daemon would."""

    async def take(each: Sequence[Charge]) -> None:
        store = LmdbBackend(tmp_path / "limits")
        await store.take(each)
        await store.close()

    for charge in charges:
        asyncio.run(take([charge]))


def rows(text: str) -> list[str]:
    return [re.sub(r"  +", " | ", line.strip()) for line in text.splitlines()[1:]]


def test_all_limits_are_listed_with_what_they_count_and_do(relayguard: Run, path: Path) -> None:
    assert rows(relayguard("limits", "list", "-c", str(path)).stdout) == [
        "login-rate | 200 recipients per hour, burst 50 | login | defer | rcpt_to",
        "login-messages | 10 messages per day | login | defer | mail_from",
        "door | 30 connections per minute | network | reject | connect",
    ]


def test_who_has_used_most_stands_on_top(relayguard: Run, path: Path, tmp_path: Path) -> None:
    count(tmp_path, Charge(RATE, "bob", 20), Charge(MESSAGES, "bob", 9), Charge(RATE, "eve", 45))
    found = [row.rsplit(" | ", 1)[0] for row in rows(relayguard("limits", "top", "-c", str(path)).stdout)]
    assert "login-messages | bob | 90%" in found[:2]
    assert [row.rsplit(" | ", 1)[0] for row in found if "login-rate" in row] == [
        "login-rate | eve",
        "login-rate | bob",
    ]
    only = relayguard("limits", "top", "-c", str(path), "--limit", "login-messages", "-n", "1").stdout
    assert [row.split(" | ")[1] for row in rows(only)] == ["bob"]


def test_one_key_is_shown_and_reset(relayguard: Run, path: Path, tmp_path: Path) -> None:
    count(tmp_path, Charge(RATE, "bob", 50), Charge(MESSAGES, "bob", 5), Charge(RATE, "eve"))
    assert len(rows(relayguard("limits", "show", "Bob", "-c", str(path)).stdout)) == 2
    assert relayguard("limits", "reset", "bob", "-c", str(path), "--limit", "login-rate").stdout == (
        "login-rate: bob begins anew\n"
    )
    assert [row.split(" | ")[0] for row in rows(relayguard("limits", "show", "bob", "-c", str(path)).stdout)] == [
        "login-messages"
    ]
    assert relayguard("limits", "reset", "bob", "-c", str(path)).stdout == "login-messages: bob begins anew\n"
    for command in ("show", "reset"):
        gone = relayguard("limits", command, "bob", "-c", str(path))
        assert (gone.returncode, gone.stderr) == (1, "Error: nothing is counted for bob\n")


def test_it_tells_which_limits_such_mail_meets_and_counts_nothing(
    relayguard: Run, path: Path, tmp_path: Path
) -> None:
    count(tmp_path, Charge(RATE, "bob@example.com", 20), Charge(MESSAGES, "bob@example.com", 10))
    shown = relayguard("limits", "test", "-c", str(path), "--login", "bob@example.com").stdout
    door, messages, rate = rows(shown)
    assert door == "door | 192.0.2.0/24 | 29 of 30 | admitted"
    assert re.fullmatch(r"login-messages \| bob@example\.com \| 0 \| refused; again in \d+ s", messages)
    assert re.fullmatch(r"login-rate \| bob@example\.com \| (29|30) of 50 \| admitted", rate)
    incoming = relayguard("limits", "test", "-c", str(path), "--client", "198.51.100.7", "--sender", "a@example.org")
    assert rows(incoming.stdout) == ["door | 198.51.100.0/24 | 29 of 30 | admitted"]


def test_where_nothing_was_counted_yet_nothing_is_shown_and_no_file_is_made(
    relayguard: Run, path: Path, tmp_path: Path
) -> None:
    assert rows(relayguard("limits", "top", "-c", str(path)).stdout) == []
    assert len(rows(relayguard("limits", "test", "-c", str(path), "--login", "bob").stdout)) == 3
    assert not (tmp_path / "limits").exists()


def test_what_is_counted_in_redis_is_shown_too(relayguard: Run, config: Configure, tmp_path: Path) -> None:
    with PrivateRedis(tmp_path / "redis") as server:
        path = config(f'{RULES}\n[store]\nkind = "redis"\nurl = "{server.url}"\ntimeout = 5.0\n')
        assert rows(relayguard("limits", "test", "-c", str(path), "--login", "bob").stdout)[2] == (
            "login-rate | bob | 49 of 50 | admitted"
        )
        server.run("SET", "{relayguard}:login-rate:bob", f"rate {time.time() + 900} 900 {time.time()}")
        (row,) = rows(relayguard("limits", "top", "-c", str(path)).stdout)
        assert row.startswith("login-rate | bob | ")
        assert relayguard("limits", "reset", "bob", "-c", str(path)).returncode == 0
    gone = relayguard("limits", "top", "-c", str(path))
    assert gone.returncode == 1
    assert gone.stderr.startswith("Error: ")


def test_what_is_in_the_memory_of_workers_cannot_be_seen(relayguard: Run, config: Configure) -> None:
    path = config(f'{RULES}\n[store]\nkind = "memory"\n')
    refused = relayguard("limits", "top", "-c", str(path))
    assert refused.returncode == 78
    assert "store.kind: what is counted in the memory of the workers cannot be seen" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--client", "nonsense"), "does not appear to be an IPv4 or IPv6 address"),
        (("--listener", "out"), "there is no 'out'"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    relayguard: Run, path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    refused = relayguard("limits", "test", "-c", str(path), *arguments)
    assert refused.returncode != 0
    assert problem in refused.stderr


def test_a_store_that_cannot_be_meant_is_an_error_of_the_check(relayguard: Run, config: Configure) -> None:
    path = config(f'{RULES}\n[store]\nkind = "redis"\nurl = "redis://bob:secret@127.0.0.1/0"\n')
    refused = relayguard("check", "-c", str(path))
    assert refused.returncode == 78
    assert "store: the URL of a Redis server holds no password: it belongs into a file" in refused.stderr
    assert "secret" not in refused.stderr
