import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from relayguard import __version__
from relayguard.core.limits import Charge
from relayguard.testing.ports import free_port
from tests.conftest import Serve, Served
from tests.relayguard.cli.conftest import Run
from tests.relayguard.cli.test_limits import MESSAGES, count
from tests.relayguard.top.answering import Silent, listening

Configure = Callable[[str], Path]

MESSAGE = b"From: <a@example.org>\r\n\r\nhello\r\n"
REFUSED = b"From: <a@example.org>\r\nX-Do: reject\r\n\r\nhello\r\n"

LOOKED_AT = """\
relayguard_build_info{version="1.2"} 1
relayguard_workers{listener="a",state="serving"} 2
"""


@pytest.fixture(scope="module")
def served(serve: Serve) -> Served:
    return serve('"obedient", "author", "spf"')


@contextmanager
def answering(answer: Callable[[], str]) -> Iterator[str]:
    """Answer at an address of its own with what `answer` says."""

    class Handler(Silent):
        def do_GET(self) -> None:  # noqa: N802  # the name is the base class's
            content = answer().encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

    with listening(Handler) as address:
        yield address


def rows(text: str) -> dict[str, list[str]]:
    """Return the words of each line, by its name: what two spaces end."""
    return {name: rest.split() for name, _, rest in (line.partition("  ") for line in text.splitlines())}


def test_one_screen_shows_the_figures_of_what_was_sent_between_two_looks(
    relayguard: Run, served: Served, config: Configure, tmp_path: Path
) -> None:
    """Whoever stands between top and the daemon sends mail before the second look."""
    path = config(f'authserv_id = "mx.example.com"\n[store]\nfolder = "{tmp_path}/limits"\n')
    count(tmp_path, Charge(MESSAGES, "[red]eve\x1b[2J@example.com", 9))
    looks: list[str] = []

    def look() -> str:
        if looks:
            with served.connect() as client:
                client.connect()
                client.helo()
                for raw in (MESSAGE, MESSAGE, MESSAGE, REFUSED):
                    client.deliver(raw)
            served.daemon.await_events("envelope", 4)
        looks.append(served.metrics())
        return looks[-1]

    with answering(look) as address:
        done = relayguard("top", "--once", "--interval", 1, "--address", address, "-c", path)
    assert (done.returncode, done.stderr, len(looks)) == (0, "", 2)
    assert done.stdout.replace("\n", "").isprintable()
    found = rows(done.stdout)
    seconds = float(re.findall(r"([\d.]+) s up to", done.stdout)[0])

    def sent(cell: str) -> int:
        return round(float(cell) * seconds)

    assert f"relayguard {__version__} at http://{address}/metrics" in done.stdout
    assert "workers 1 serving; generation 1 serves for" in done.stdout
    assert found["MAIL per second"] == ["accepted", "rejected"]
    assert [sent(cell) for cell in found["incoming"]] == [3, 1]
    assert found["all so far"] == ["3", "1"]
    assert [sent(cell) for cell in found["obedient rejected"]] == [1]
    assert found["RESULTS per second"] == ["pass", "none"]
    assert sent(found["spf"][0]) >= 4
    assert found["[red]eve?[2J@example.com"] == ["login-messages", "90%"]
    assert found["supervisor"][1] == "MB"


def test_where_the_configuration_says_is_looked(relayguard: Run, served: Served) -> None:
    done = relayguard("top", "--interval", 0.1, "-c", served.daemon.directory / "relayguard.toml")
    assert done.returncode == 0
    assert f"at http://{served.metrics_address}/metrics" in done.stdout
    assert "HOTTEST KEYS in /var/lib/relayguard/limits" in done.stdout


def test_nobody_there_ends_one_screen_with_what_to_do(relayguard: Run, config: Configure) -> None:
    address = f"127.0.0.1:{free_port()}"
    done = relayguard("top", "--once", "-c", config(f'[metrics]\naddress = "{address}"\n'))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: http://{address}/metrics: no answer: Connection refused; "
        "does the daemon run, and is this its metrics.address? (--address asks elsewhere)\n"
    )


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ('[store]\nkind = "memory"\n', "what is counted in the memory of the workers cannot be seen"),
        ('[store]\nkind = "redis"\nurl = "redis://127.0.0.1:1/0"\n', "127.0.0.1:1. Connect call failed"),
        ("[store]\nfolder = 5\n", "the configuration has errors: store.folder: "),
        ("[", "the configuration has errors: not valid TOML"),
    ],
    ids=["memory", "away", "wrong", "no TOML"],
)
def test_why_no_keys_can_be_seen_is_said_and_all_else_is_shown(
    store: str, why: str, relayguard: Run, config: Configure
) -> None:
    with answering(lambda: LOOKED_AT) as address:
        done = relayguard("top", "--once", "--interval", 0.1, "--address", address, "-c", config(store))
    assert (done.returncode, done.stderr) == (0, "")
    assert "relayguard 1.2 at" in done.stdout
    assert why in done.stdout.partition("HOTTEST KEYS")[2].splitlines()[1]


@pytest.mark.parametrize(
    ("arguments", "text", "status", "problem"),
    [
        (("--address", "nowhere"), "", 2, "must be host:port or an http URL, not 'nowhere'"),
        ((), '[metrics]\naddress = "off"\n', 1, "metrics.address is off"),
        ((), "[", 78, "not valid TOML"),
        ((), "[metrics]\naddress = 5\n", 78, "metrics.address: "),
        (("--interval", "0"), "", 2, "0.1<=x<=3600"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    arguments: tuple[str, ...], text: str, status: int, problem: str, relayguard: Run, config: Configure
) -> None:
    done = relayguard("top", *arguments, "-c", config(text))
    assert done.returncode == status
    assert problem in done.stderr


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def read_until(descriptor: int, wanted: str) -> str:
    """Return what a terminal shows until something comes; at the end of all, what there was."""
    seen = ""
    with suppress(OSError):
        while wanted not in seen and select.select([descriptor], [], [], 30)[0]:
            seen += os.read(descriptor, 65536).decode(errors="replace")
    return seen


@pytest.mark.parametrize(("ends", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_on_a_terminal_it_goes_on_until_it_is_interrupted_and_leaves_all_as_it_was(
    ends: signal.Signals, status: int, terminal: tuple[int, int], config: Configure
) -> None:
    ours, theirs = terminal
    command = [sys.executable, "-m", "relayguard", "top", "--interval", "0.1", "-c", str(config(""))]
    environment = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80", "LINES": "24"}
    with answering(lambda: LOOKED_AT) as address:
        command += ["--address", address]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
            os.close(theirs)
            shown = read_until(ours, "relayguard 1.2")
            process.send_signal(ends)
            rest = read_until(ours, "\x1b[?1049l")
            assert process.wait(30) == status
    assert "\x1b[?1049h" in shown
    assert "relayguard 1.2" in shown
    assert "\x1b[?25h" in rest
    assert rest.endswith("\x1b[?1049l")
    assert "Traceback" not in rest
    # There are colours in none of it.
    assert not re.search(r"\x1b\[[\d;]*3\dm", shown + rest)


def test_no_other_command_pays_for_it() -> None:
    program = "import sys; from relayguard.cli import main; main.get_command(None, 'top'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not {"rich", "prometheus_client", "relayguard.top", "lmdb"} & set(loaded.split())
