"""The suites of others: fetched once into .make/suites, or read where RELAYGUARD_SUITES says; never committed."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".make" / "suites"
SHARED = Path(os.environ.get("RELAYGUARD_SUITES") or ROOT.parent / "shared" / "data")
NO_SUITES = f"there are no suites in {SHARED}: set RELAYGUARD_SUITES to the folder that holds arc/"

_PYSPF = "pyspf==2.0.14"
_MEMBER = "pyspf-2.0.14/test/rfc7208-tests.yml"


def rfc7208() -> Path:
    """The suite of RFC 7208, from pyspf's source package; downloaded if it is not here yet."""
    suite = CACHE / "rfc7208-tests.yml"
    if not suite.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Only pyspf comes as source: pip's own build of its metadata may use wheels.
        command = ("pip", "download", "--quiet", "--no-deps", "--no-binary", "pyspf", "--dest", str(CACHE), _PYSPF)
        subprocess.run([sys.executable, "-m", *command], check=True)
        with tarfile.open(CACHE / "pyspf-2.0.14.tar.gz") as archive:
            member = archive.extractfile(_MEMBER)
            assert member is not None
            # Renamed when it is whole: test runs may share the folder.
            part = suite.with_suffix(".part")
            part.write_bytes(member.read())
            part.replace(suite)
    return suite


def arc_validation() -> Path | None:
    """The validation suite of ARC, None where it is not at hand."""
    suite = SHARED / "arc" / "arc-draft-validation-tests.yml"
    return suite if suite.exists() else None
