"""What `relayguard filters` shows: the filters of a listener, and what is negotiated for them."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from relayguard.core.stages import Stage
from relayguard.milter.macros import requested
from relayguard.pipeline.filters import Filter
from relayguard.pipeline.needs import Needs, needs_of

_ASKED = (Stage.CONNECT, Stage.HELO, Stage.MAIL_FROM, Stage.RCPT_TO, Stage.END_OF_MESSAGE)
"""The stages at which the MTA can be made to wait for a reply."""


def filter_table(filters: Sequence[Filter]) -> Table:
    """Return a row for each hook, so that a stage stands beside what it needs on any width."""
    table = Table("", "filter", "mode", "on failure", "stage", "needs")
    for number, each in enumerate(filters, 1):
        name = f"{each.name}\n(in threads)" if each.blocking else each.name
        about = [str(number), name, _mode(each), each.policy.on_failure.value]
        for stage, hook in each.hooks.items():
            table.add_row(*about, stage.value, ", ".join(hook.arguments))
            about = [""] * len(about)
    return table


def negotiation(name: str, address: str, filters: Sequence[Filter]) -> Iterator[str]:
    """Yield what the MTA is asked for on a listener: it is decided here, before any client is known."""
    needs = needs_of(filters)
    waits = ", ".join(stage.value for stage in _ASKED if stage in needs.replies)
    goes_on = ", ".join(stage.value for stage in _ASKED if stage not in needs.replies)
    yield f"listener {name} ({address})"
    yield f"  the MTA waits at: {waits}"
    yield f"  it goes on without a reply at: {', '.join(filter(None, [goes_on, 'headers, body']))}"
    yield f"  it does not send: {'unknown commands, DATA' if needs.body else 'unknown commands, DATA, the body'}"
    yield f"  body: {_body(needs)}"
    for stage, macros in requested(needs.macros).items():
        yield f"  macros at {stage}: {' '.join(macros)}"


def _body(needs: Needs) -> str:
    return "kept" if needs.keep_body else "streamed" if needs.watch else "not asked for"


def _mode(each: Filter) -> str:
    modes = {f"{role}: {mode}" for role, mode in each.policy.modes.items()}
    distinct = set(each.policy.modes.values())
    return distinct.pop().value if len(distinct) == 1 else "\n".join(sorted(modes))
