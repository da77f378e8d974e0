import re
import urllib.request
from html import unescape
from pathlib import Path

from relayguard import __version__
from relayguard.testing.daemon import sample
from relayguard.testing.milter_client import MilterClient
from relayguard.testing.ports import free_port
from tests.relayguard.daemon.conftest import Running, Start, until

PLAIN = b"From: a@example.net\r\n\r\nbody\r\n"


def page(running: Running) -> str:
    with urllib.request.urlopen(f"http://{running.metrics_address}/", timeout=10) as response:
        return str(response.read(), "utf-8")


def rows(running: Running) -> list[list[str]]:
    found = re.findall(r"<tr>(.*?)</tr>", page(running))
    return [[unescape(cell) for cell in re.findall(r"<t[dh]>(.*?)</t[dh]>", row)] for row in found]


def row(running: Running, *first: str) -> list[str]:
    return next(row[len(first) :] for row in rows(running) if row[: len(first)] == [*first])


def modes(running: Running, name: str) -> set[str]:
    text = running.metrics()
    return {mode for mode in ("enforce", "shadow") if sample(text, "relayguard_filter_info", filter=name, mode=mode)}


def test_the_page_tells_what_runs(start: Start) -> None:
    running = start('"author", "spf"', workers=2, tables='[filter.spf]\non_failure = "defer"\nmode = "shadow"\n')
    assert f"<h1>Relayguard {__version__}</h1>" in page(running)
    assert row(running, "configuration") == [f"{running.folder}/relayguard.toml"]
    assert row(running, "generation") == ["1"]
    assert row(running, "last reload") == ["none"]
    assert row(running, "limits are counted in") == ["lmdb"]
    assert row(running, "default", running.address) == ["native", "2 of 2 serve"]
    assert {int(each[2]) for each in rows(running) if each[3:5] == ["serving", "1"]} == set(running.daemon.workers())
    filters = [each[1:] for each in rows(running) if each[-1] == "closed"]
    assert filters == [["author", "enforce", "continue", "closed"], ["spf", "shadow", "defer", "closed"]]


def test_a_mode_that_a_reload_changes_is_the_only_one_once_the_old_generation_has_ended(start: Start) -> None:
    running = start(tables='[filter.author]\nmode = "shadow"\n')
    with MilterClient(running.address) as client:
        client.connect()
        client.helo()
        assert modes(running, "author") == {"shadow"}
        running.change('mode = "shadow"', 'mode = "enforce"')
        assert running.daemon.reload().returncode == 0
        assert modes(running, "author") == {"shadow", "enforce"}
        assert "Generation 1 drains" in page(running)
    until(lambda: running.daemon.generations() == {2})
    until(lambda: modes(running, "author") == {"enforce"})
    assert row(running, "default", "author")[0] == "enforce"
    assert row(running, "last reload")[0].startswith("served, ")
    assert row(running, "generation") == ["2"]


FRAIL = """\
from relayguard import hookimpl

class Frail:
    @hookimpl
    def mail_from(self):
        raise RuntimeError("no licence")
"""


def test_a_breaker_that_is_open_is_shown_with_its_stage(start: Start, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "frail.py").write_text(FRAIL)
    running = start('"author", "frail"', plugins=tmp_path)
    with MilterClient(running.address) as client:
        client.connect()
        client.helo()
        for _ in range(5):
            client.deliver(PLAIN)
    until(lambda: row(running, "default", "frail")[-1] == "open at mail_from")
    assert row(running, "default", "author")[-1] == "closed"


def test_a_reload_that_failed_is_shown_with_its_problems_and_nothing_in_them_is_markup(start: Start) -> None:
    running = start()
    running.daemon.write(running.daemon.toml.replace('"author"]', '"author", "<b>bold</b>"]'))
    assert running.daemon.reload().returncode == 1
    text = page(running)
    assert row(running, "last reload")[0].startswith("refused, ")
    # What it quotes may be anything.
    assert "there is no filter &#x27;...&#x27;" in text
    assert "<b>" not in text
    assert row(running, "generation") == ["1"]


STORE = """
[store]
kind = "redis"
url = "redis://someone@127.0.0.1:{port}/0"
password_file = "FOLDER/relayguard.toml"
folder = "FOLDER/limits"
[[filter.ratelimit.rule]]
name = "all"
limit = "10 messages per hour"
key = ["client"]
"""
"""Nobody answers there: the store is named on the page, and where and with what it is asked is not."""


def test_no_secret_of_the_configuration_is_on_the_page(start: Start) -> None:
    running = start('"author", "ratelimit"', tables=STORE.format(port=free_port()))
    assert row(running, "limits are counted in")[0].startswith("redis")
    assert not re.search("someone|password|redis:", page(running))
    running.change("someone@", "someone:hunter2@")
    running.change('kind = "redis"', 'kind = "redis"\nprefix = "hunter 3"\npassword = "hunter4"')
    assert running.daemon.reload().returncode == 1
    assert "store.password: unknown option" in page(running)
    assert "store.prefix: " in page(running)
    assert not re.search("hunter|someone|redis:", page(running))


def test_a_store_that_does_not_answer_is_shown(start: Start) -> None:
    running = start('"author", "ratelimit"', tables=STORE.format(port=free_port()))
    with MilterClient(running.address) as client:
        client.connect(address="192.0.2.9")
        client.helo()
        for _ in range(5):
            client.deliver(PLAIN)
    shown = "redis; not asked now, because it does not answer: redis"
    until(lambda: row(running, "limits are counted in") == [shown])
