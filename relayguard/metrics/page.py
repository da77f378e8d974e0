"""The status page: what an operator wants to see at once, in HTML without script that a terminal shows as well.

Nothing of a message gets here, and of the configuration only what `Status` names. What a reload complains of may quote
the file, so that is cut down first: a value in it may be a secret.
"""

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from relayguard.core.processes import ReloadEnd
from relayguard.core.text import printable
from relayguard.metrics.processes import WorkerState

_STYLE = (
    "body{font:1em/1.5 sans-serif;max-width:64em;margin:auto;padding:1em;color-scheme:light dark}"
    "div{overflow-x:auto}table{border-collapse:collapse}"
    "th,td{text-align:left;vertical-align:top;padding:.2em 1em .2em 0;border-bottom:1px solid #8886}"
)
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy under which the page looks as it should."""

_MB = 1024 * 1024
_UNITS = ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"))
_PROBLEMS, _PROBLEM = 10, 300
_SECRETS = (
    # The value that an option must not have; and whatever else a message quotes.
    (re.compile(r", not .*", re.DOTALL), ""),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "'...'"),
    (re.compile(r"(?<=://)\S*@"), "...@"),
    (re.compile(r"((?:pass\w*|secret|token|key)\s?=\s?).+", re.IGNORECASE), r"\1..."),
)
"""What is taken out of a problem; the log has the whole of it."""


@dataclass(frozen=True, slots=True)
class ListenerState:
    """A listener; `serving` of its `workers` accept clients."""

    name: str
    address: str
    transport: str
    serving: int
    workers: int


@dataclass(frozen=True, slots=True)
class FilterState:
    """A filter on a listener: its modes by role, as its workers tell, and at which stages a breaker is open."""

    listener: str
    name: str
    modes: Mapping[str, Sequence[str]]
    on_failure: str
    open_at: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the page shows. Times are in seconds since the epoch.

    `draining` are the earlier generations that still have workers, `fallen_back` the stores that are not asked now.
    """

    version: str
    now: float
    serving: bool
    since: float
    path: str
    generation: int
    draining: Sequence[int]
    serves_since: float | None
    last_reload: ReloadEnd | None
    store: str
    fallen_back: Sequence[str]
    listeners: Sequence[ListenerState]
    workers: Sequence[WorkerState]
    filters: Sequence[FilterState]


def render(status: Status) -> str:
    """Return the page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Relayguard</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Relayguard {escape(status.version)}</h1>\n"
        f"<p>{'Mail is served.' if status.serving else '<strong>Mail is not served on every listener.</strong>'} "
        '<a href="/metrics">/metrics</a> <a href="/healthz">/healthz</a></p>\n'
        f"{_table((), _overview(status))}{_problems(status.last_reload)}"
        f"<h2>Listeners</h2>\n{_table(('name', 'address', 'transport', 'workers'), map(_listener, status.listeners))}"
        f"<h2>Workers</h2>\n{_table(_WORKER, (_worker(each, status.now) for each in status.workers))}"
        f"<h2>Filters, in their order</h2>\n{_table(_FILTER, map(_filter, status.filters))}{_drains(status.draining)}"
        "</body>\n</html>\n"
    )


def _overview(status: Status) -> Iterable[Sequence[object]]:
    reload = status.last_reload
    yield "supervisor runs since", _time(status.since, status.now)
    yield "configuration", status.path
    yield "generation", status.generation
    yield "serves since", _time(status.serves_since, status.now)
    yield "last reload", f"{reload.outcome}, {_time(reload.when, status.now)}" if reload else "none"
    lost = (
        f"; not asked now, because it does not answer: {', '.join(status.fallen_back)}" if status.fallen_back else ""
    )
    yield "limits are counted in", status.store + lost


def _problems(reload: ReloadEnd | None) -> str:
    if reload is None or not reload.problems:
        return ""
    shown = [f"<li>{escape(without_secrets(problem))}</li>\n" for problem in reload.problems[:_PROBLEMS]]
    more = len(reload.problems) - len(shown)
    rest = f"<li>and {more} more: see the log</li>\n" if more else ""
    return f"<p>The old configuration serves on, because of:</p>\n<ul>\n{''.join(shown)}{rest}</ul>\n"


def without_secrets(problem: str) -> str:
    """Return a problem without the values that it quotes from the configuration."""
    for pattern, instead in _SECRETS:
        problem = pattern.sub(instead, problem)
    return printable(problem, _PROBLEM)


def _listener(state: ListenerState) -> Sequence[object]:
    return state.name, state.address, state.transport, f"{state.serving} of {state.workers} serve"


_WORKER = ("listener", "slot", "pid", "state", "generation", "memory", "last heard of")


def _worker(state: WorkerState, now: float) -> Sequence[object]:
    memory = f"{state.memory / _MB:.0f} MB"
    heard = f"{_age(now - state.heard)} ago"
    return state.listener, state.slot, state.pid, state.state, state.generation, memory, heard


_FILTER = ("listener", "filter", "mode", "when it fails", "breaker")


def _filter(state: FilterState) -> Sequence[object]:
    breaker = f"open at {', '.join(state.open_at)}" if state.open_at else "closed"
    return state.listener, state.name, _modes(state.modes), state.on_failure, breaker


def _modes(modes: Mapping[str, Sequence[str]]) -> str:
    roles = defaultdict(list)
    for role, told in modes.items():
        roles[" or ".join(told)].append(role)
    if len(roles) > 1:
        return "; ".join(f"{mode} ({', '.join(of)})" for mode, of in roles.items())
    return next(iter(roles), "not told yet")


def _drains(generations: Sequence[int]) -> str:
    named = ", ".join(map(str, generations))
    return f"<p>Generation {named} drains: of two modes, one is its.</p>\n" if generations else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; one without `heads` has them in its first column."""
    head = f"<tr>{''.join(f'<th>{name}</th>' for name in heads)}</tr>\n" if heads else ""
    body = ""
    for first, *others in rows:
        lead = f"<td>{escape(str(first))}</td>" if heads else f"<th>{escape(str(first))}</th>"
        body += f"<tr>{lead}{''.join(f'<td>{escape(str(each))}</td>' for each in others)}</tr>\n"
    return f"<div><table>\n{head}{body}</table></div>\n"


def _time(when: float | None, now: float) -> str:
    if when is None:
        return "not yet"
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M:%S} UTC, {_age(now - when)} ago"


def _age(seconds: float) -> str:
    for size, unit in _UNITS:
        # Two of a unit say more than one of the next.
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"
