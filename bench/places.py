"""Where the benchmark keeps its things. All that it makes is below one folder, which git ignores."""

from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent

BUILD = ROOT / ".bench"
CORPUS = BUILD / "corpus"
KEYS = BUILD / "keys.json"
ZONE = BUILD / "zone.conf"
VENV = BUILD / "peers"
"""The peers that come from PyPI: their libraries must not meet ours."""

RESULTS = BUILD / "results.json"
SCALE = BUILD / "scale.json"
PROFILES = BUILD / "profiles"
PLOTS = ROOT / "docs" / "performance.svg"

CLIENT = BUILD / "milterload"
LATE_DNS = BUILD / "latedns"

LOCK = Path("/run/lock/relayguard-bench")
"""One for the machine, not one for a clone: two benchmarks would measure each other."""

AUTHSERV_ID = "mx.bench.test"
