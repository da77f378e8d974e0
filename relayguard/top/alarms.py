"""What is wrong, in words: the lines that an operator should read first."""

from collections.abc import Callable, Iterator

from relayguard.core.decision import Outcome
from relayguard.core.processes import State
from relayguard.top.view import View

FAILING_DNS = 0.1
"""That part of the questions may go unanswered: there is always somebody whose servers are away."""

SILENT = 15.0
"""After so many seconds a worker that is not heard of is replaced, by default."""


def alarms(view: View) -> list[str]:
    """Return what is wrong, the worst first."""
    return [line for find in _ALARMS for line in find(view)]


def _restarted(view: View) -> Iterator[str]:
    if view.restarted:
        yield "the daemon was started anew since the last look: the rates are too low this once"


def _nobody_serves(view: View) -> Iterator[str]:
    if not view.workers.get(State.SERVING):
        yield "no worker serves: the MTA does what its milter_default_action says"


def _silent(view: View) -> Iterator[str]:
    for process in view.processes:
        if process.heard is not None and process.heard > SILENT:
            yield f"the worker in slot {process.name} was last heard of {process.heard:.0f} s ago"


def _envelopes_failed(view: View) -> Iterator[str]:
    rate = sum(outcomes[Outcome.FAILED].rate for outcomes in view.mail.values() if Outcome.FAILED in outcomes)
    if rate:
        yield f"{rate:.2g} envelopes a second fail: see the log"


def _filters(view: View) -> Iterator[str]:
    for each in view.filters:
        if each.open:
            yield f"{each.name} is not called at {', '.join(each.open)}: it kept failing (see the log)"
        elif each.failures.rate:
            yield f"{each.name} fails {each.failures.rate:.2g} times a second: see the log"


def _dns(view: View) -> Iterator[str]:
    if view.dns.failing is not None and view.dns.failing >= FAILING_DNS:
        yield f"DNS did not answer {view.dns.failing:.0%} of what it was asked (timeout or SERVFAIL)"


def _stores(view: View) -> Iterator[str]:
    for store in view.stores:
        why = ", ".join(how for how, count in store.failures.items() if count.rate)
        if store.fallback:
            yield (
                f"the store {store.name} is not asked just now, and limits are counted elsewhere"
                + f" ({why})" * bool(why)
            )
        elif why:
            yield f"the store {store.name} fails: {why}"


_ALARMS: tuple[Callable[[View], Iterator[str]], ...] = (
    _nobody_serves,
    _envelopes_failed,
    _filters,
    _dns,
    _stores,
    _silent,
    _restarted,
)
