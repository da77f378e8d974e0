"""Checks a configuration in a process of its own: whatever it does to that process, the daemon serves on."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from relayguard.core.text import printable
from relayguard.snapshot import Snapshot

CHECK_SECONDS = 60.0

_LINE = 1000
_LINES = 50


class CheckError(Exception):
    """The configuration cannot be used; `problems` are lines for the operator."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


async def check(command: Sequence[str], path: Path) -> Snapshot:
    """Run ``relayguard check`` on the file at `path` and return what it read; raises CheckError."""
    try:
        return await _check(command, path)
    except OSError as error:
        raise CheckError([f"{path}: cannot be checked: {error.strerror}"]) from error


async def _check(command: Sequence[str], path: Path) -> Snapshot:
    result = os.memfd_create("relayguard-check")
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            "check",
            "--config",
            str(path),
            "--snapshot",
            str(result),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(result,),
        )
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                _, said = await process.communicate()
        except TimeoutError:
            raise CheckError([f"{path}: the check was not done after {CHECK_SECONDS:.0f} s"]) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        # A drop-in filter may have ended the process with any status; only what was written counts.
        if process.returncode == 0 and os.fstat(result).st_size:
            return Snapshot.read(result)
    finally:
        os.close(result)
    problems = [printable(line, _LINE) for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    raise CheckError(problems[:_LINES] or [f"{path}: the check ended with status {process.returncode}"])
