"""Everything that a run needs before anything is measured: the corpus, its zone, and the two C programs."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from bench import corpus, hostile, larger
from bench.keys import KeyPair, kept_keys
from bench.places import BUILD, CLIENT, CORPUS, HERE, KEYS, LATE_DNS, ZONE
from bench.site import Record, known_sites

_MAKES_THE_CORPUS = ("corpus.py", "hostile.py", "keys.py", "larger.py", "message.py", "signing.py", "site.py")


def prepare() -> None:
    """Make what is not there, or not of today's sources."""
    BUILD.mkdir(exist_ok=True)
    for program, source in ((CLIENT, "milterload.c"), (LATE_DNS, "latedns.c")):
        _compile(HERE / "client" / source, program)
    keys = kept_keys(KEYS)
    stamp = _stamp()
    made = CORPUS / "stamp"
    if made.exists() and made.read_text() == stamp:
        return
    print("making the corpus ...", flush=True)
    _write(keys)
    made.write_text(stamp)


def _compile(source: Path, program: Path) -> None:
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-pthread", "-o", str(program), str(source)], check=True)


def _stamp() -> str:
    content = b"".join((HERE / name).read_bytes() for name in _MAKES_THE_CORPUS)
    return hashlib.sha256(content + KEYS.read_bytes()).hexdigest()


def _write(keys: tuple[KeyPair, ...]) -> None:
    if CORPUS.exists():
        shutil.rmtree(CORPUS)
    site = known_sites(keys)[0]
    corpus.write(CORPUS, [*corpus.messages(keys), *hostile.hostile_messages(site), *larger.larger_messages(keys)])
    ZONE.write_text(local_data([*corpus.records(keys), *hostile.hostile_records()]))


def local_data(records: Iterable[Record]) -> str:
    """Return records as unbound reads them; nothing else exists."""
    lines = ["server:", '  local-zone: "." static']
    lines.append("  local-data: '. 300 IN SOA localhost. nobody. 1 3600 600 864000 300'")
    lines += [f"  local-data: '{each.name}. 300 IN {each.type} {each.value}'" for each in records]
    return "\n".join(lines) + "\n"
