"""Tables of a run: for a terminal, and in Markdown for docs/performance.md."""

from collections.abc import Iterable, Iterator, Sequence

from bench.peers import C_PAIR, TRANSPORTS
from bench.results import Measured, Results, middle
from bench.scale import Scale, straight
from bench.targets import allowed_ms, hostile_cost, rows
from bench.turns import AT, LATE_MS, SLOW_MS

Table = Sequence[Sequence[str]]

_SLOW = 1.15
_CROWDED = 0.3
_PAGE_HEAD = """\
# Performance

What `make bench` measures: Relayguard beside the daemons that it replaces, in one run, on one corpus, with one
resolver, the load client and everything else on the same machine. [bench/README.md](../bench/README.md) tells how.
This page is what `python -m bench report --markdown` prints; a missed target stays in it.
"""
_LEGEND = """\
CPU is milliseconds per message of the whole process tree, user and kernel, transport included, at 10 connections
unless the column says otherwise. Latency is in milliseconds, from connect() to the last reply. One milter connection a
message. A starred figure comes from a run in which the machine was slow or busy with something else.
"""


_SLOW_LEGEND = """\
Messages of 10 KB at so many connections, and p50 in milliseconds: first with names known, after 64 messages; then with
every name cold. opendkim alone checks DKIM and nothing else.
"""
_SCALE_LEGEND = """\
`make bench-plots`: the native transport, one worker where it is not about workers; of three rounds the best. The line
is fitted by least squares; where the last column is about 1 or less, cost grows no faster than what it is drawn against.

![Cost against what grows](performance.svg)
"""


def text(results: Results) -> str:
    """Return the tables for a terminal."""
    parts = [_title(results), *results.skipped, _plain(_targets(results)), _plain(_figures(results))]
    parts += [
        _plain(_by_dns(results)),
        _plain(_slow(results)),
        _plain(_hostile(results)),
        _plain(_verdicts(results)),
        _wrong(results),
    ]
    return "\n\n".join(part for part in parts if part)


def markdown(results: Results, remarks: str, scale: Scale | None = None) -> str:
    """Return the page docs/performance.md; `remarks` is what a person has to say about it."""
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    parts = [
        _PAGE_HEAD + "\n" + _title(results),
        *results.skipped,
        "## Targets\n\n" + _pipes(_targets(results)),
        remarks,
        "## Figures\n\n" + _LEGEND + "\n" + _pipes(_figures(results)),
        _scale(scale) if scale else "",
        "## DNS cold, and late\n\n" + _pipes(_by_dns(results)),
        f"## Every DNS answer {SLOW_MS} ms late\n\n{_SLOW_LEGEND}\n" + _pipes(_slow(results)),
        "## Hostile mail\n\n" + _pipes(_hostile(results)),
        "## Verdicts\n\nSPF, DKIM and DMARC in Authentication-Results, against what the corpus was built to give.\n\n"
        + _pipes(_verdicts(results)),
        f"## Versions\n\n{versions}",
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _title(results: Results) -> str:
    extent = "a quick run: figures are rough" if results.quick else "a full run"
    return f"Measured {results.when} on {results.cores} cores, {extent}."


def _targets(results: Results) -> Table:
    head = ("what", "target", "measured", "peer in the same run", "")
    return [head, *((row.what, row.target, row.measured, row.peer, row.outcome.value) for row in rows(results))]


def _figures(results: Results) -> Table:
    costs = ("CPU 2K", "10K", "75K", "1M", "10K at 1", "10K at 50")
    speeds = ("msg/s at 1", "10", "50", "p50 / p99 at 1", "10", "50")
    return [
        ("", *costs, *speeds, "RSS (PSS) MB", "DNS queries"),
        *(_figures_of(results, name) for name in results.subjects()),
    ]


def _figures_of(results: Results, name: str) -> tuple[str, ...]:
    def of(size: str, concurrency: int) -> tuple[Measured, ...]:
        return results.of(name, size, concurrency)

    sizes = [_cpu(results, of(size, 10)) for size in ("2K", "10K", "75K", "1M")]
    others = [_cpu(results, of("10K", concurrency)) for concurrency in (1, 50)]
    at = [of("10K", concurrency) for concurrency in (1, 10, 50)]
    throughput = [_number([each.per_second for each in found]) for found in at]
    latency = [
        f"{_number([e.p50_ms for e in found])} / {_number([e.p99_ms for e in found])}" if found else ""
        for found in at
    ]
    warm = [each for each in results.measured if each.subject == name and each.dns == "warm"]
    memory = f"{max(each.rss_mb for each in warm):.0f} ({max(each.pss_mb for each in warm):.0f})"
    return (name, *sizes, *others, *throughput, *latency, memory, _number([each.queries for each in at[1]]))


def _by_dns(results: Results) -> Table:
    late = f"{LATE_MS} ms late"
    cold = ("CPU, every name cold", "msg/s", "DNS queries")
    replies = (f"reply p50, cold, {late}", "names cached", "asked at MAIL")
    names = [name for name in results.subjects() if results.of(name, "cold", 10, "cold")]
    return [("", *cold, *replies), *(_by_dns_of(results, name) for name in names)]


def _by_dns_of(results: Results, name: str) -> tuple[str, ...]:
    cold = results.of(name, "cold", 10, "cold")
    late = (results.of(name, of, 4, "late") for of in ("late-signed", "10K", "late-unsigned"))
    replies = [_number([each.eoh_p50_ms for each in found]) for found in late]
    speed, queries = (_number([e.per_second for e in cold]), _number([e.queries for e in cold]))
    return (name, _cpu(results, cold), speed, queries, *replies)


def _slow(results: Results) -> Table:
    head = [f"{what} at {at}" for known in ("", "cold ") for what in (f"{known}msg/s", f"{known}p50") for at in AT]
    names = [name for name in results.subjects() if results.of(name, "10K", 1, "slow")]
    return [("", *head), *((name, *_slow_of(results, name)) for name in names)]


def _slow_of(results: Results, name: str) -> Iterator[str]:
    for of in ("10K", "slow"):
        found = [results.of(name, of, at, "slow") for at in AT]
        yield from (_number([each.per_second for each in of_one]) for of_one in found)
        yield from (_number([each.p50_ms for each in of_one]) for of_one in found)


def _scale(scale: Scale) -> str:
    head = ("against", "", "found", "upper half against the line")
    lines = (
        (curve.what, curve.unit, straight(curve), f"{curve.bend:.2f}" if curve.fitted else "")
        for curve in scale.curves
    )
    return f"## Scale\n\nMeasured {scale.when} on {scale.cores} cores.\n\n{_SCALE_LEGEND}\n{_pipes([head, *lines])}"


def _hostile(results: Results) -> Table:
    costs = {(each.attack, each.subject): hostile_cost(each) for each in results.hostility}
    sizes = {each.attack: each.megabytes for each in results.hostility}
    subjects = (*TRANSPORTS.values(), C_PAIR)
    head = ("message", "MB", "CPU ms allowed", *subjects)
    return [
        head,
        *(
            (attack, f"{size:.1f}", f"{allowed_ms(size):.0f}", *(costs.get((attack, each), "") for each in subjects))
            for attack, size in sizes.items()
        ),
    ]


def _verdicts(results: Results) -> Table:
    lines = ((each.subject, each.sets, str(each.right), str(each.checked)) for each in results.verdicts)
    return [("", "messages", "right", "of"), *lines]


def _wrong(results: Results) -> str:
    return "\n".join(f"{each.subject}: {line}" for each in results.verdicts for line in each.wrong[:3])


def _cpu(results: Results, found: Iterable[Measured]) -> str:
    found = list(found)
    shown = _number([each.cpu_ms for each in found])
    usual = middle([each.calibration for each in results.measured]) or 1.0
    touched = any(each.calibration > _SLOW * usual or each.foreign > _CROWDED for each in found)
    errors = sum(each.errors for each in found)
    return shown + ("*" if touched else "") + (f" [{errors} errors]" if errors else "")


def _number(values: Sequence[float]) -> str:
    value = middle(list(values))
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _plain(table: Table) -> str:
    if len(table) < 2:
        return ""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)


def _pipes(table: Table) -> str:
    head, *rest = table
    lines = [head, ["---"] * len(head), *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
