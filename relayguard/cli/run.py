"""``relayguard run``: serve mail in the foreground."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import click

from relayguard.cli import config_option

# Without -P the folder that it is started in could put its own modules in place of the library's.
COMMAND: tuple[str, ...] = (sys.executable, "-P", "-m", "relayguard")
"""How the daemon starts itself again, as a worker and to check a configuration."""

EXIT_UNAVAILABLE, EXIT_SOFTWARE, EXIT_CONFIGURATION = 69, 70, 78


@click.command("run")
@config_option
def command(config_path: Path) -> None:
    """Serve mail until SIGTERM; read the configuration again on SIGHUP. Logs go to standard error."""
    from relayguard.daemon.checking import CheckError
    from relayguard.daemon.generation import GenerationError
    from relayguard.daemon.inherited import InheritedError
    from relayguard.daemon.listeners import ListenError

    # Until there is something to reload.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        asyncio.run(_run(config_path.absolute()))
    except asyncio.CancelledError:
        # Told to stop before it served.
        return
    except CheckError as error:
        _fail(EXIT_CONFIGURATION, *error.problems)
    except (ListenError, InheritedError) as error:
        _fail(EXIT_UNAVAILABLE, str(error))
    except GenerationError as error:
        _fail(EXIT_SOFTWARE, str(error))


async def _run(path: Path) -> None:
    from relayguard.daemon.checking import check
    from relayguard.daemon.inherited import inherited_sockets
    from relayguard.daemon.limits import raise_file_limit
    from relayguard.daemon.listeners import ListenError
    from relayguard.daemon.notify import Notifier, watchdog_seconds
    from relayguard.daemon.supervisor import Supervisor

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    raise_file_limit()
    inherited = inherited_sockets(os.environ, os.getpid())
    snapshot = await check(COMMAND, path)
    # systemd's folder is in memory and private; elsewhere the system's own place for such files must do.
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0] or None
    try:
        temporary = tempfile.TemporaryDirectory(prefix="metrics-", dir=runtime)
    except OSError as error:
        raise ListenError(
            f"there is no place for metrics in {runtime or tempfile.gettempdir()}: {error.strerror}"
        ) from error
    with temporary as folder:
        supervisor = Supervisor(
            path,
            COMMAND,
            snapshot,
            Path(folder),
            inherited,
            Notifier(os.environ.get("NOTIFY_SOCKET")),
            watchdog_seconds(os.environ, os.getpid()),
        )
        await supervisor.run()


def _fail(status: int, *lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
    sys.exit(status)
