"""The suites of others: fetched once into .make/suites, never committed."""

import subprocess
import sys
import tarfile
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".make" / "suites"

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
