"""One target under atheris, in a process of its own: ``python -m tests.fuzz.explore TARGET FOLDER SECONDS``.

What raises is kept and explored further; what seems slow is kept apart, for instrumentation slows all.
"""

import hashlib
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["relayguard", "relayguard_plugins"]):
    from tests.fuzz.measure import allowed, spent
    from tests.fuzz.target import Target
    from tests.fuzz.targets import TARGETS

_HANGS = 30
_MEMORY = 2048


class Explorer:
    """Feeds the target, and keeps what it finds: one input for each place that raises, and each slower one."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._places: set[str] = set()
        self._slowest = 0.0

    def take(self, given: bytes) -> None:
        """Take one input of the fuzzer's."""
        try:
            seconds = spent(self._target, given)
        # Whatever it is, it is a finding.
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} {last.filename}:{last.lineno}"
            if place not in self._places:
                self._places.add(place)
                self._keep("findings", given)
            return
        if seconds > max(allowed(self._target, given), 1.1 * self._slowest):
            self._slowest = seconds
            self._keep("slow", given)

    def _keep(self, kind: str, given: bytes) -> None:
        (self._folder / kind / hashlib.sha256(given).hexdigest()[:16]).write_bytes(given)


def _entry(token: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in token) + '"\n'


def main(name: str, folder: Path, seconds: str) -> None:
    """Fuzz one target; ends the process."""
    target = TARGETS[name]
    for each in ("corpus", "findings", "slow"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (folder / "corpus" / f"seed{number}").write_bytes(seed)
    tokens = folder / "tokens"
    tokens.write_text("".join(map(_entry, target.tokens)))
    options = {
        "max_total_time": seconds,
        "max_len": target.cap,
        "dict": tokens,
        "artifact_prefix": f"{folder / 'findings'}/",
        "timeout": _HANGS,
        "rss_limit_mb": _MEMORY,
        "print_final_stats": 1,
    }
    arguments = [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(folder / "corpus")]
    atheris.Setup(arguments, Explorer(target, folder).take)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
