"""A trace in words, line by line."""

from collections.abc import Iterator

from relayguard.core.decision import Decision
from relayguard.core.edits import AddHeader, ReplaceBody
from relayguard.core.effects import Effect, Watch
from relayguard.core.ledger import SetHeader, Step
from relayguard.core.results import Failed, Result
from relayguard.core.text import printable
from relayguard.core.verdicts import Defer, Discard, Quarantine, Reject
from relayguard.pipeline.envelope_log import reply_of, shown
from relayguard.pipeline.filters import Mode
from relayguard.pipeline.record import HookRun
from relayguard.rehearsal import Asked, Trace
from relayguard.services import Answer

_WIDTH = 300


def explain(trace: Trace) -> Iterator[str]:
    """Yield the explanation, line by line; nothing in it is unprintable, whatever the message holds."""
    if trace.record is not None:
        envelope = trace.record.envelope
        yield f"role {envelope.role}, sender <{printable(envelope.sender.raw)}>"
        yield ""
    stage = None
    for run in trace.runs:
        if run.stage is not stage:
            stage = run.stage
            yield f"{stage}"
        yield from _run(run)
    yield from _dns(trace)
    yield from _outcome(trace)


def _run(run: HookRun) -> Iterator[str]:
    shadow = ", shadow" if run.mode is Mode.SHADOW else ""
    yield f"  {run.filter} ({run.seconds * 1000:.1f} ms{shadow})"
    for effect in run.effects:
        would_be = "would be: " if run.mode is Mode.SHADOW and not isinstance(effect, Result | Watch) else ""
        yield f"    {would_be}{_effect(effect)}"
    if run.trace is not None:
        yield f"    {printable(run.trace, _WIDTH)}"


def _effect(effect: Effect) -> str:
    match effect:
        case Failed():
            return f"FAILED ({effect.kind}): its findings of this stage are lost"
        case Result():
            reported = effect.reported()
            return shown(reported) if reported is not None else printable(repr(effect), _WIDTH)
        case Reject() | Defer():
            return f"{type(effect).__name__.lower()}: {effect.code} {effect.enhanced} {' / '.join(effect.lines())}"
        case Quarantine() | Discard():
            return f"{type(effect).__name__.lower()}: {printable(effect.reason)}"
        case Watch():
            return "watches the body"
        case _:
            return printable(repr(effect), _WIDTH)


def _dns(trace: Trace) -> Iterator[str]:
    if trace.asked:
        yield "dns"
    for asked in trace.asked:
        yield f"  {printable(asked.question.name)} {asked.question.type}: {_answer(asked.answer)} ({_time(asked)})"


def _time(asked: Asked) -> str:
    return f"{asked.seconds * 1000:.1f} ms"


def _answer(answer: Answer) -> str:
    texts = [f'"{printable(text, 120)}"' for text in answer.texts]
    exchanges = [f"{exchange.preference} {printable(exchange.host)}" for exchange in answer.exchanges]
    found = [*texts, *(printable(host) for host in answer.hosts), *exchanges]
    return " ".join(found) or " ".join(filter(None, [answer.status, answer.reason]))


def _outcome(trace: Trace) -> Iterator[str]:
    for cap in trace.caps:
        yield f"cap hit: {cap}"
    yield ""
    for stage, refusal in trace.refusals:
        yield f"refused at {stage}: {refusal.code} {refusal.enhanced} {' / '.join(refusal.lines())}"
    record = trace.record
    if record is None:
        yield "no envelope began"
        return
    for given in record.would_refuse:
        yield f"a recipient would be refused by {given.filter}: {_effect(given.verdict)}"
    yield f"decision: {_decision(record.decision)}"
    if record.would_be != record.decision:
        yield f"would be: {_decision(record.would_be)}"
    if trace.ending is not None:
        for step in trace.ending.steps:
            yield f"edit: {_step(step)}"


def _decision(decision: Decision) -> str:
    words = [decision.outcome.value]
    if decision.filter:
        words.append(f"by {decision.filter}")
    reply = reply_of(decision)
    return " ".join(words) + (f": {reply}" if reply else "")


def _step(step: Step) -> str:
    match step:
        case AddHeader(name, value):
            return f"add {name}: " + "\n        ".join(printable(line.strip(), 1000) for line in value.split("\n"))
        case SetHeader(name, occurrence, None):
            return f"delete {printable(name)} number {occurrence}"
        case ReplaceBody(body):
            return f"replace the body by {len(body)} bytes"
        case _:
            return printable(repr(step), _WIDTH)
