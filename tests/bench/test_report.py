from bench.peers import C_PAIR, NATIVE, RELAYGUARD, TWO_WORKERS
from bench.report import markdown, text
from bench.results import Hostility
from bench.scale import Curve, Scale
from tests.bench.test_targets import measured, results


def test_a_table_has_a_line_for_each_who_was_measured_so() -> None:
    two = [each for each in measured(TWO_WORKERS, 1.0) if each.dns == "warm" and each.set == "10K"]
    page = markdown(results(measured(RELAYGUARD, 1.0), two), "")
    slow = page.partition("## Every DNS answer 30 ms late")[2].partition("\n## ")[0]
    figures = page.partition("## Figures")[2].partition("\n## ")[0]
    assert f"| {RELAYGUARD} | 500 | 500 | 500 | 1.00" in slow
    assert TWO_WORKERS not in slow
    assert f"| {TWO_WORKERS} |  | 1.00 |  |" in figures


def test_a_hostile_message_has_one_line_with_what_it_costs_everybody() -> None:
    costs = {RELAYGUARD: 60.0, NATIVE: 20.0, C_PAIR: 10.0}
    hostile = [
        Hostility(attack="maze", subject=name, megabytes=2, cpu_ms=cost, errors=0, refused=name == C_PAIR)
        for name, cost in costs.items()
    ]
    page = markdown(results(measured(RELAYGUARD, 1.0), hostility=tuple(hostile)), "")
    assert "| maze | 2.0 | 60 | 60 | 20 | 10 (refused) |" in page


def test_the_page_tells_of_growth_if_it_was_measured() -> None:
    curve = Curve(what="recipients", unit="ms of CPU", xs=(1, 2, 3, 4), ys=(1, 1.5, 2, 2.5))
    found = results(measured(RELAYGUARD, 1.0))
    page = markdown(found, "", Scale(when="now", cores=2, curves=(curve,)))
    assert "| recipients | ms of CPU | 0.5 + 0.5 each | 1.00 |" in page
    assert "performance.svg" in page
    assert "## Scale" not in markdown(found, "")


def test_the_terminal_shows_every_table() -> None:
    assert "cold msg/s at 50" in text(results(measured(RELAYGUARD, 1.0)))
