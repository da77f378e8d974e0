"""Which versions were measured."""

import platform
import re
import subprocess
import sysconfig
from importlib.metadata import version

from bench.peers import DEBIAN, PYPI
from bench.places import VENV

_OURS = ("relayguard", "pymilter", "pyspf", "dkimpy", "dnspython", "cryptography")


def versions() -> dict[str, str]:
    """Return the versions of relayguard, of what it stands on, and of the peers that are installed."""
    ours = {name: version(name) for name in _OURS}
    return {"Python": _python(), **ours, **_debian(), **_pypi()}


def _python() -> str:
    """Tell also of a Python built without profile-guided optimisation: it is slower."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    built = "" if "--enable-optimizations" in options else " (built without --enable-optimizations)"
    return platform.python_version() + built


def _debian() -> dict[str, str]:
    command = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n", *DEBIAN]
    lines = _output(command).splitlines()
    return {words[1]: words[2] for words in map(str.split, lines) if words[0] == "installed"}


def _pypi() -> dict[str, str]:
    listed = _output([str(VENV / "bin" / "pip"), "list", "--format", "freeze", "--disable-pip-version-check"])
    found = dict(line.split("==") for line in listed.splitlines() if "==" in line)
    names = (re.split(r"[=\[]", wanted)[0] for wanted in PYPI)
    return {name: found[name] for name in names if name in found and name not in _OURS}


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
