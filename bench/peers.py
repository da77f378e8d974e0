"""The table of what is measured: relayguard, and what it replaces. A chain of daemons counts as one."""

import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.places import HERE, VENV

DEBIAN = ("opendkim", "opendmarc", "rspamd", "unbound", "publicsuffix")
PYPI = (
    "dkimpy-milter==1.2.3",
    "spf-engine==3.1.0",
    "dmarc[milter]==1.2.1",
    "pymilter",
    "py3dns",
    "authres",
    "py-spy",
)

RELAYGUARD = "relayguard"
TWO_WORKERS = "relayguard, 2 workers"
NATIVE = "relayguard, native"
NATIVE_TWO = "relayguard, native, 2 workers"
C_PAIR = "opendkim + opendmarc"
OPENDKIM = "opendkim"
RSPAMD = "rspamd (same modules)"
PYTHON_STACK = "dkimpy + pyspf + dmarc"

TRANSPORTS = {"libmilter": RELAYGUARD, "native": NATIVE}
"""Relayguard with one worker, by the transport over which it is reached."""
MANY_WORKERS = frozenset({TWO_WORKERS, NATIVE_TWO})
OURS = frozenset({*TRANSPORTS.values(), *MANY_WORKERS})
SLOW = frozenset({PYTHON_STACK})
"""What is several times dearer than all others has fewer rounds."""

_VERIFY = ("author", "spf", "dkim", "dmarc")
_TEMPLATE = HERE / "conf" / "relayguard.toml"


@dataclass(frozen=True, slots=True)
class Part:
    """One daemon: how it is started, in the foreground, and where it listens.

    In `command`, in `address` and in the template `template`, a file in ``conf/``, ``@RUN@`` stands for a directory that
    its subject has for itself, and each key of `settings` between two ``@`` for its value. `package` is what installs it.
    """

    name: str
    command: tuple[str, ...]
    address: str
    template: str
    package: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether its program is there."""
        return shutil.which(self.command[0]) is not None

    def filled(self, text: str, run: Path) -> str:
        """Put what is known in place of the ``@NAMES@`` in `text`."""
        for name, value in {"RUN": str(run), **self.settings}.items():
            text = text.replace(f"@{name}@", value)
        return text


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured as one: its daemons, in the order in which the MTA calls them."""

    name: str
    parts: tuple[Part, ...]

    @property
    def missing(self) -> str | None:
        """What installs the daemons that are not there; None if all are."""
        absent = [part for part in self.parts if not part.installed]
        if not absent:
            return None
        needed = ", ".join(f"{part.name} ({part.package})" for part in absent)
        return f"{self.name}: skipped, needs {needed}; 'make bench-peers' installs it"


def relayguard(
    name: str, transport: str, workers: int, port: int, filters: Iterable[str] = _VERIFY, extra: str = ""
) -> Subject:
    """Return Relayguard as a subject: its metrics are served on `port`; `extra` is more of its configuration."""
    command = (sys.executable, "-m", "relayguard", "run", "--config", f"@RUN@/{_TEMPLATE.name}")
    settings = {
        "FILTERS": ", ".join(f'"{each}"' for each in filters),
        "EXTRA": extra,
        "TRANSPORT": transport,
        "WORKERS": str(workers),
        "METRICS_PORT": str(port),
    }
    part = Part("relayguard", command, "unix:@RUN@/relayguard.sock", _TEMPLATE.name, "this repository", settings)
    return Subject(name, (part,))


def _debian(name: str, *options: str) -> Part:
    return Part(
        name, (name, *options, f"@RUN@/{name}.conf"), f"unix:@RUN@/{name}.sock", f"{name}.conf", f"Debian: {name}"
    )


def _pypi(name: str, package: str, *options: str) -> Part:
    command = (str(VENV / "bin" / name), *options, f"@RUN@/{name}.conf")
    return Part(name, command, f"unix:@RUN@/{name}.sock", f"{name}.conf", f"PyPI: {package}")


_OPENDKIM = _debian("opendkim", "-f", "-x")
_DMARC_COMMAND = (str(VENV / "bin" / "dmarcmilter"), "-c", "@RUN@/dmarcmilter.toml")

SUBJECTS: Mapping[str, Subject] = {
    subject.name: subject
    for subject in (
        relayguard(RELAYGUARD, "libmilter", 1, 18_001),
        relayguard(TWO_WORKERS, "libmilter", 2, 18_002),
        relayguard(NATIVE, "native", 1, 18_003),
        relayguard(NATIVE_TWO, "native", 2, 18_004),
        Subject(C_PAIR, (_OPENDKIM, _debian("opendmarc", "-f", "-c"))),
        Subject(OPENDKIM, (_OPENDKIM,)),
        Subject(RSPAMD, (_debian("rspamd", "-f", "-i", "-c"),)),
        Subject(
            PYTHON_STACK,
            (
                # dkimpy-milter deletes what stands before it under the same name, so it comes first.
                _pypi("dkimpy-milter", PYPI[0]),
                _pypi("pyspf-milter", PYPI[1]),
                # It listens on TCP only.
                Part("dmarcmilter", _DMARC_COMMAND, "inet:127.0.0.1:18012", "dmarcmilter.toml", f"PyPI: {PYPI[2]}"),
            ),
        ),
    )
}
