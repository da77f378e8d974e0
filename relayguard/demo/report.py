"""Shows what the demonstration did, as tables."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from relayguard.demo.performance import Played
from relayguard.demo.world import World
from relayguard.demo.zone import GOOD_CLIENT, RECIPIENT
from relayguard.testing.daemon import sample

_COLOURS = {"accepted": "green", "rejected": "red", "deferred": "yellow", "quarantined": "magenta"}


def show_scenes(console: Console, played: Iterable[Played]) -> None:
    """Print one row for each message."""
    table = Table(title="Real mail through a real Postfix, guarded by Relayguard", show_lines=True, expand=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("what was sent", ratio=3)
    table.add_column("SMTP reply", ratio=3)
    table.add_column("decision", no_wrap=True)
    table.add_column("Authentication-Results", ratio=6, overflow="fold")
    for each in played:
        table.add_row(f"{each.number}", _what(each), escape(each.reply), _decision(each), _results(each))
    console.print(table)


def show_metrics(console: Console, world: World) -> None:
    """Print a digest of /metrics."""
    for profile, daemon in world.daemons.items():
        text = daemon.metrics(world.metrics[profile])
        table = Table(title=f"http://{world.metrics[profile]}/metrics (profile {profile})", show_header=False)
        begun = sample(text, "relayguard_envelopes_begun_total")
        table.add_row("envelopes begun", f"{begun:.0f}")
        for outcome in ("accepted", "rejected", "deferred", "quarantined", "aborted"):
            count = sample(text, "relayguard_envelopes_total", outcome=outcome)
            if count:
                table.add_row(f"  {outcome}", f"{count:.0f}")
        for method in ("spf", "dkim", "dmarc"):
            results = {
                value: sample(text, "relayguard_auth_results_total", method=method, result=value)
                for value in ("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "policy")
            }
            shown = ", ".join(f"{value} {count:.0f}" for value, count in results.items() if count)
            if shown:
                table.add_row(method, shown)
        queries = sample(text, "relayguard_dns_queries_total")
        hits = sample(text, "relayguard_dns_cache_hits_total")
        table.add_row("DNS", f"{queries:.0f} queries, {hits:.0f} cache hits")
        table.add_row("forged headers stripped", f"{sample(text, 'relayguard_headers_stripped_total'):.0f}")
        console.print(table)


def show_how_to_go_on(console: Console, world: World) -> None:
    """Print how to send one's own mail to the running world."""
    console.print("\n[bold]Everything goes on running.[/] Send your own mail:\n")
    console.print(
        f"  swaks --server 127.0.0.1:{world.ports['enforce']} --local-interface {GOOD_CLIENT} "
        f"--helo mail.good.example --from news@plain.example --to {RECIPIENT}",
        soft_wrap=True,
    )
    console.print(f"\n  delivered to  {world.directory / 'postfix/mail/inbox/new'}", soft_wrap=True)
    for profile, daemon in world.daemons.items():
        console.print(f"  log ({profile})  {daemon.directory / 'relayguard.log'}", soft_wrap=True)
        console.print(f"  metrics ({profile})  http://{world.metrics[profile]}/metrics", soft_wrap=True)
    console.print("\nCtrl-C stops and removes it all.")


def _what(each: Played) -> str:
    faults = "".join(f"\n[bold red]✗ {escape(fault)}[/]" for fault in each.faults)
    mark = "" if each.faults else "[green]✓[/] "
    return f"{mark}{escape(each.scene.title)}{faults}"


def _decision(each: Played) -> str:
    decision = each.line["decision"]
    shown = f"[{_COLOURS.get(decision, 'white')}]{decision}[/]"
    if each.line.get("filter"):
        shown += f"\nby {each.line['filter']}"
    if each.line.get("would_be"):
        shown += f"\nwould be {each.line['would_be']}\nby {each.line['would_be_filter']}"
    return shown


def _results(each: Played) -> str:
    notes = "".join(f"\n[magenta]{escape(note)}[/]" for note in each.line.get("notes", []))
    return _authentication(each) + notes


def _authentication(each: Played) -> str:
    if each.authentication_results is not None:
        return escape("\n".join(line.strip() for line in each.authentication_results.splitlines()))
    return "[dim]not delivered; the log says[/]\n" + escape("\n".join(each.line["results"]))
