"""A private Postfix: own configuration, queue and log, high ports on loopback, no systemd.

It never touches the system's own instance. Needs root, because Postfix does.
"""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from relayguard.testing.certificate import write_self_signed
from relayguard.testing.mailbox import Mailbox
from relayguard.testing.ports import free_port, listens

_MAX_SOCKET_PATH = 107
_DAEMONS = Path("/usr/lib/postfix/sbin")

_SMTPD = """\
127.0.0.1:{port} inet n - n - - smtpd
  -o smtpd_milters={milter}
"""

_MASTER = """\
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_milters={milter}
  -o milter_macro_daemon_name=ORIGINATING
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_MAIN: Mapping[str, str] = {
    "compatibility_level": "3.6",
    "queue_directory": "{directory}/spool",
    "data_directory": "{directory}/lib",
    "command_directory": "/usr/sbin",
    "daemon_directory": str(_DAEMONS),
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "multi_instance_enable": "yes",
    "multi_instance_name": "postfix-relayguard-{smtp}",
    "maillog_file_prefixes": "{directory}",
    "maillog_file": "{directory}/mail.log",
    "inet_protocols": "ipv4",
    "inet_interfaces": "127.0.0.1",
    "myhostname": "{hostname}",
    "mydestination": "",
    "mynetworks": "127.255.255.254/32",
    "alias_maps": "",
    "alias_database": "",
    "local_recipient_maps": "",
    # As for a client from elsewhere: rewrite nothing.
    "local_header_rewrite_clients": "",
    "smtpd_peername_lookup": "no",
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_error_sleep_time": "0",
    "message_size_limit": "104857600",
    "virtual_mailbox_limit": "0",
    "virtual_mailbox_domains": "{domains}",
    "virtual_mailbox_base": "{directory}/mail",
    "virtual_mailbox_maps": "static:inbox/",
    "virtual_uid_maps": "static:{uid}",
    "virtual_gid_maps": "static:{gid}",
    "virtual_minimum_uid": "1",
    "smtpd_tls_cert_file": "{directory}/tls.crt",
    "smtpd_tls_key_file": "{directory}/tls.key",
    "smtpd_tls_security_level": "may",
    "smtpd_tls_session_cache_database": "",
    "smtpd_sasl_type": "cyrus",
    "smtpd_sasl_path": "smtpd",
    "milter_protocol": "6",
    "milter_default_action": "tempfail",
    "non_smtpd_milters": "",
    "smtp_dns_support_level": "disabled",
}


class PostfixError(Exception):
    """Postfix cannot be run; the message says why and what to do."""


@dataclass
class Postfix:
    """A private Postfix in `directory` (absolute, made if missing), with `milter` in front; a context manager.

    Mail for any address in `domains` ends in one Maildir. `smtp_port` is port 25's stand-in,
    `submission_port` port 587's (STARTTLS, then AUTH as one of `users`). `settings` override main.cf.
    `others` maps further ports to their milters.
    """

    directory: Path
    milter: str
    domains: tuple[str, ...]
    hostname: str = "mx.example.com"
    users: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[int, str] = field(default_factory=dict)
    smtp_port: int = 0
    submission_port: int = 0

    def __enter__(self) -> Self:
        _require(self.directory)
        self.smtp_port = self.smtp_port or free_port()
        self.submission_port = self.submission_port or free_port()
        self._write()
        try:
            self._await_start(failed=self._run("start") != 0)
        except BaseException:
            # Whoever was interrupted here has no context yet to leave.
            self._run("stop")
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("stop")

    @property
    def log(self) -> str:
        """All that Postfix logged so far."""
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
        return Mailbox(self.directory / "mail" / "inbox" / "new")

    def held(self) -> int:
        """Return how many messages are in quarantine (Postfix's hold queue)."""
        return sum(1 for path in (self.directory / "spool" / "hold").rglob("*") if path.is_file())

    def _write(self) -> None:
        owner = pwd.getpwnam("mail")
        facts = {
            "directory": self.directory,
            "smtp": self.smtp_port,
            "submission": self.submission_port,
            "milter": self.milter,
            "hostname": self.hostname,
            "domains": " ".join(self.domains),
            "uid": owner.pw_uid,
            "gid": owner.pw_gid,
        }
        settings = {**_MAIN, **self.settings}
        for name in ("conf/sasl", "spool", "lib", "mail"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        lines = [f"{name} = {value.format_map(facts)}\n" for name, value in settings.items()]
        (self.directory / "conf" / "main.cf").write_text("".join(lines))
        ports = {self.smtp_port: self.milter, **self.others}
        services = "".join(_SMTPD.format(port=port, milter=milter) for port, milter in ports.items())
        (self.directory / "conf" / "master.cf").write_text(services + _MASTER.format_map(facts))
        shutil.chown(self.directory / "lib", "postfix")
        shutil.chown(self.directory / "mail", "mail", "mail")
        write_self_signed(self.hostname, self.directory / "tls.crt", self.directory / "tls.key")
        self._write_users()

    def _write_users(self) -> None:
        # Debian's Postfix reads this folder, whatever cyrus_sasl_config_path says.
        folder = self.directory / "conf" / "sasl"
        database = folder / "users.db"
        (folder / "smtpd.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
            f"sasldb_path: {database}\nlog_level: 2\n"
        )
        for login, password in self.users.items():
            user, _, realm = login.partition("@")
            subprocess.run(
                ["saslpasswd2", "-p", "-c", "-f", str(database), "-u", realm, user],
                input=password.encode(),
                check=True,
            )
        if database.exists():
            shutil.chown(database, "postfix")

    def _run(self, verb: str) -> int:
        # Postfix says what is wrong before it has a log only to a terminal; and its daemons keep our
        # standard output, so a pipe would never end.
        output = self.directory / "postfix.out"
        with output.open("ab") as stream:
            done = subprocess.run(
                ["script", "-qec", f"postfix -c {self.directory / 'conf'} {verb}", "/dev/null"],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=60,
            )
        return done.returncode

    def _await_start(self, *, failed: bool) -> None:
        deadline = time.monotonic() + 20
        while not listens(self.smtp_port):
            if failed or time.monotonic() > deadline:
                said = (self.directory / "postfix.out").read_text(errors="replace")
                raise PostfixError(f"Postfix did not start:\n{said}\n{self.log[-2000:]}")
            time.sleep(0.05)


def _require(directory: Path) -> None:
    if len(f"{directory}/spool/public/postlog") > _MAX_SOCKET_PATH:
        raise PostfixError(f"{directory} is too long a path for Postfix's sockets: set TMPDIR to a shorter one")
    if os.geteuid() != 0:
        raise PostfixError("Postfix must be started as root: run this with sudo")
    for program, package in (("postfix", "postfix"), ("saslpasswd2", "sasl2-bin"), ("script", "bsdutils")):
        if shutil.which(program) is None:
            raise PostfixError(f"{program} is missing: install the package {package}")
