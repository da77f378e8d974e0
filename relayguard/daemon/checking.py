"""Checks a configuration in a process of its own: whatever it does to that process, the daemon serves on."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
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
    with ExitStack() as files:
        try:
            result, said = (files.enter_context(os.fdopen(os.memfd_create("check"), "w+b")) for _ in range(2))
            status = await _run(command, path, result.fileno(), said.fileno())
        except OSError as error:
            raise CheckError([f"{path}: cannot be checked: {error.strerror}"]) from error
        # A drop-in filter may have ended the process with any status; only what was written counts.
        if status == 0 and os.fstat(result.fileno()).st_size:
            try:
                return Snapshot.read(result.fileno())
            except ValueError as error:
                raise CheckError(
                    ["another version of Relayguard was installed meanwhile: restart the daemon"]
                ) from error
        lines = os.pread(said.fileno(), _LINE * _LINES, 0).decode("utf-8", "replace").splitlines()
    problems = [printable(line, _LINE) for line in lines if line.strip()]
    raise CheckError(problems[:_LINES] or [f"{path}: the check ended with status {status}"])


async def _run(command: Sequence[str], path: Path, result: int, said: int) -> int:
    process = await asyncio.create_subprocess_exec(
        *command,
        "check",
        "--config",
        str(path),
        "--snapshot",
        str(result),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        # No pipe: a filter's own child could hold it open for ever.
        stderr=said,
        pass_fds=(result,),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await process.wait()
    except TimeoutError:
        raise CheckError([f"{path}: the check was not done after {CHECK_SECONDS:.0f} s"]) from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
