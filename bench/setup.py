"""Installs the peers: Debian's packages, none of whose services is started, and a venv for those of PyPI."""

import subprocess
import sys

from bench.peers import DEBIAN, PYPI
from bench.places import BUILD, ROOT, VENV


def install() -> None:
    """Install what is missing; each step says what it does."""
    BUILD.mkdir(exist_ok=True)
    subprocess.run([str(ROOT / "scripts" / "system-packages.sh"), *DEBIAN], check=True)
    if not (VENV / "bin" / "pip").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    print("relayguard: PyPI's peers go into", VENV.relative_to(ROOT), flush=True)
    pip = [str(VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--use-pep517"]
    for package in PYPI:
        # One that cannot be installed is skipped in a run, and must not take the others with it.
        if subprocess.run([*pip, package], check=False).returncode:
            print(f"relayguard: {package} could not be installed", flush=True)
