"""``python -m tests.budget`` prints what messages cost now; with ``--write``, that becomes the budget."""

import asyncio
import sys
import tempfile
from pathlib import Path

import click

from tests.budget.count import Calls, count

_BUDGET = Path(__file__).parent / "budget.toml"
_HEAD = """\
# Calls per message, exactly: of Python functions of ours, and of C functions by them (see count.py).
# Written by: python -m tests.budget --write
"""


def main() -> None:
    """Count, and print or write."""
    with tempfile.TemporaryDirectory() as folder, Path("/dev/null").open("w") as nowhere:
        text = table(asyncio.run(count(folder, nowhere)))
    if "--write" in sys.argv:
        _BUDGET.write_text(text)
    else:
        click.echo(text, nl=False)


def table(counted: dict[str, dict[str, Calls]]) -> str:
    """Return the numbers as they are committed."""
    parts = [_HEAD]
    for way, messages in counted.items():
        lines = (f'"{name}" = {{ python = {calls.python}, c = {calls.c} }}\n' for name, calls in messages.items())
        parts.append(f"\n[{way}]\n" + "".join(lines))
    return "".join(parts)


if __name__ == "__main__":
    main()
