"""``relayguard demo``: watch real mail being judged."""

import signal
import sys
import threading

import click


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, for mail of your own.")
def command(keep: bool) -> None:
    """Send real mail through a private Postfix and Relayguard, on loopback, and show what comes out.

    Needs root and Debian's packages postfix and sasl2-bin. Touches nothing of the system's own Postfix.
    """
    from rich.console import Console

    from relayguard.demo.attacks import attacks
    from relayguard.demo.performance import play
    from relayguard.demo.report import show_how_to_go_on, show_metrics, show_scenes
    from relayguard.demo.scenes import scenes
    from relayguard.demo.signing import SenderKey
    from relayguard.demo.spoofs import spoofs
    from relayguard.demo.world import world
    from relayguard.testing.daemon import DaemonError
    from relayguard.testing.postfix import PostfixError

    # Being stopped is no reason to leave a Postfix behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell that starts us in the background would have it ignored, and --keep could not be ended in order.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    console = Console()
    if not console.is_terminal:
        console.width = 150
    key = SenderKey()
    try:
        with world(key.public) as running:
            honest = scenes(key)
            shown = [*honest, *attacks(key, len(honest) + 1)]
            shown += spoofs(len(shown) + 1)
            played = [play(running, number, scene) for number, scene in enumerate(shown, 1)]
            show_scenes(console, played)
            show_metrics(console, running)
            wrong = sum(1 for each in played if each.faults)
            console.print(f"{len(played) - wrong} of {len(played)} messages got what they should.")
            if keep:
                show_how_to_go_on(console, running)
                threading.Event().wait()
    except KeyboardInterrupt:
        sys.exit(0 if keep else 130)
    except (PostfixError, DaemonError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    sys.exit(1 if wrong else 0)
