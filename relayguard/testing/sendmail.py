"""A private Sendmail: own configuration, queue and log, a high port on loopback, no systemd.

Debian allows one MTA, and the tests need Postfix as well: Sendmail's packages are unpacked, never installed.
Needs root, because Sendmail does.
"""

import fcntl
import os
import re
import shutil
import signal
import socketserver
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

from relayguard.testing.mailbox import Mailbox
from relayguard.testing.ports import free_port, listens

_OTHERS_MAY_WRITE = 0o022

_CONFIGURATION = """\
include(`{root}/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`QUEUE_DIR', `{directory}/queue')dnl
define(`ALIAS_FILE', `')dnl
define(`HELP_FILE', `')dnl
define(`STATUS_FILE', `')dnl
define(`confPID_FILE', `{directory}/sendmail.pid')dnl
define(`confSERVICE_SWITCH_FILE', `{directory}/service.switch')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confTO_IDENT', `0s')dnl
define(`confDELIVERY_MODE', `interactive')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confDEF_USER_ID', `mail:mail')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
LOCAL_DOMAIN(`{domains}')dnl
INPUT_MAIL_FILTER(`relayguard', `S={milter}, F=T, T=C:30s;S:30s;R:30s;E:5m')dnl
define(`_DEF_LOCAL_MAILER_FLAGS', `lsDFM')dnl
define(`LOCAL_MAILER_FLAGS', `Pmn')dnl
define(`LOCAL_MAILER_PATH', `/bin/sh')dnl
define(`LOCAL_MAILER_ARGS', `sh {directory}/deliver $u')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
"""Sendmail asks no DNS, and knows no users, aliases or load: what is for `domains`, it delivers at once.

Sendmail would speak SMTP to a delivery agent that is not told its recipient (`$u`).
"""

_DELIVER = """\
set -e
part=$(mktemp {directory}/mail/part/XXXXXXXX)
cat >"$part"
mv "$part" {directory}/mail/new/
"""

# Sendmail takes its name from the host (and sleeps a minute if it has no dot), and logs to /dev/log only.
_APART = """\
set -e
hostname "$1"; dev=$2; shift 2
for name in null zero random urandom; do : >"$dev/$name"; mount --bind "/dev/$name" "$dev/$name"; done
mount --rbind "$dev" /dev
exec "$@"
"""


class SendmailError(Exception):
    """Sendmail cannot be run; the message says why and what to do."""


def unpack(root: Path) -> Path:
    """Unpack Debian's Sendmail and what this machine lacks for it below `root`, once; return `root`."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_suffix(".lock").open("w") as lock:
        # Test runs may share the folder; one of them fetches.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            with tempfile.TemporaryDirectory(prefix=f"{root.name}-", dir=root.parent) as name:
                tree = Path(name, "root")
                _extract(_download(Path(name, "archives")), tree)
                # Renamed when it is whole.
                tree.rename(root)
    return root


def _extract(archives: Path, tree: Path) -> None:
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", archive, tree], check=True)
    # The loader ignores LD_LIBRARY_PATH for a program that changes its group.
    _program(tree).chmod(0o755)


def _download(archives: Path) -> Path:
    (archives / "partial").mkdir(parents=True)
    fetch = (
        *("apt-get", "install", "--download-only", "--yes", "-qq", "--no-install-recommends", "sendmail-bin"),
        # Nothing is installed, so nothing needs the lock, nor the user who may not enter our folder.
        *("-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root", "-o", f"Dir::Cache::archives={archives}"),
    )
    if subprocess.run(fetch, capture_output=True, check=False).returncode != 0:
        # A new machine does not know yet where the packages are.
        for command in (("apt-get", "update", "-qq"), fetch):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                said = f"{' '.join(command[:2])} said:\n{done.stderr}"
                raise SendmailError(f"Debian's packages of Sendmail cannot be had; {said}")
    return archives


@dataclass
class Sendmail:
    """A private Sendmail in `directory` (absolute, made if missing), with `milter` in front; a context manager.

    `root` is where `unpack` put the programs. Mail for any address in `domains` ends in one folder.
    `milter` is ``inet:host:port`` or ``unix:/path``; Sendmail trusts no path that others may write to.
    """

    directory: Path
    root: Path
    milter: str
    domains: tuple[str, ...]
    hostname: str = "mx.example.com"
    smtp_port: int = 0
    _running: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        _require(self.directory)
        self.smtp_port = self.smtp_port or free_port()
        self._write()
        with ExitStack() as stack:
            stack.enter_context(_served(_Syslog(self.directory / "dev" / "log", self.directory / "mail.log")))
            self._start(stack)
            self._running = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def log(self) -> str:
        """All that Sendmail logged so far."""
        path = self.directory / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def delivered(self) -> list[bytes]:
        """Return the messages delivered so far, the oldest first."""
        return self._mailbox.messages()

    def find(self, message_id: str, seconds: float = 15.0) -> bytes | None:
        """Return the delivered message with this Message-ID, waiting for it; None if it does not come."""
        return self._mailbox.find(message_id, seconds)

    @property
    def _mailbox(self) -> Mailbox:
        return Mailbox(self.directory / "mail" / "new")

    def await_log(self, pattern: str, seconds: float = 15.0) -> str:
        """Wait until the log has a line in which `pattern` is found, and return the line."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.log.splitlines():
                if re.search(pattern, line):
                    return line
            if time.monotonic() > deadline:
                raise SendmailError(f"no line of the log has {pattern!r}:\n{self.log[-2000:]}")
            time.sleep(0.05)

    def held(self) -> int:
        """Return how many messages are in quarantine (Sendmail names their queue files hf...)."""
        return sum(1 for _ in (self.directory / "queue").glob("hf*"))

    def _write(self) -> None:
        for name in ("dev", "queue", "mail/part", "mail/new"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        for name in ("mail/part", "mail/new"):
            shutil.chown(self.directory / name, "mail", "mail")
        facts = {
            "directory": self.directory,
            "root": self.root,
            "hostname": self.hostname,
            "port": self.smtp_port,
            "domains": " ".join(self.domains),
            "milter": _milter_address(self.milter),
        }
        (self.directory / "service.switch").write_text("hosts files\n")
        (self.directory / "deliver").write_text(_DELIVER.format_map(facts))
        self._build(_CONFIGURATION.format_map(facts))

    def _build(self, source: str) -> None:
        folder = f"{self.root}/usr/share/sendmail/cf/"
        done = subprocess.run(
            ["m4", f"-D_CF_DIR_={folder}", "-"],
            input=source,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SendmailError(f"Sendmail's configuration cannot be built:\n{done.stderr}")
        (self.directory / "sendmail.cf").write_text(done.stdout)

    def _environment(self) -> dict[str, str]:
        libraries = {str(path.parent) for path in self.root.rglob("*.so.*")}
        paths = f"{self.root / 'usr' / 'bin'}:{os.environ['PATH']}"
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries)), "PATH": paths}

    def _start(self, stack: ExitStack) -> None:
        apart = ("unshare", "--uts", "--mount", "sh", "-c", _APART, "sh", self.hostname, self.directory / "dev")
        output = stack.enter_context((self.directory / "sendmail.out").open("ab"))
        process = subprocess.Popen(
            [*apart, _program(self.root), "-bD", f"-C{self.directory / 'sendmail.cf'}"],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Its own group: each session is a process, and all end with it.
            process_group=0,
        )
        stack.callback(_stop, process)
        deadline = time.monotonic() + 20
        while not listens(self.smtp_port):
            if process.poll() is not None or time.monotonic() > deadline:
                said = (self.directory / "sendmail.out").read_text(errors="replace")
                raise SendmailError(f"Sendmail did not start:\n{said}\n{self.log[-2000:]}")
            time.sleep(0.05)


class _Syslog(socketserver.UnixDatagramServer):
    """Appends what arrives on the socket `path` to the file `log`."""

    max_packet_size = 65536

    def __init__(self, path: Path, log: Path) -> None:
        super().__init__(str(path), socketserver.BaseRequestHandler)
        self._log = log

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self._log.open("ab") as stream:
            stream.write(request[0] + b"\n")


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    with server:
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _program(root: Path) -> Path:
    return root / "usr" / "libexec" / "sendmail" / "sendmail"


def _milter_address(address: str) -> str:
    """Return ``unix:/path`` or ``inet:host:port`` as Sendmail writes it."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        return f"local:{rest}"
    host, _, port = rest.rpartition(":")
    return f"inet:{port}@{host}"


def _require(directory: Path) -> None:
    for folder in directory.parents:
        if folder.exists() and folder.stat().st_mode & _OTHERS_MAY_WRITE:
            raise SendmailError(f"Sendmail trusts nothing below {folder}, where others may write: use /run")
    if os.geteuid() != 0:
        raise SendmailError("Sendmail must be started as root: run this with sudo")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=20)
    # A session that still ends would write to folders that are removed next.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
