import pytest

from relayguard.core.panels import INSTANCE, Shape, Unit, highest, quantile, rate, ratio, select, total

ROLE = 'role=~"$role"'


@pytest.mark.parametrize(
    "expression",
    [
        select("relayguard_a", ROLE),
        rate("relayguard_a_total", "listener", where=[ROLE]),
        total("relayguard_a", where=[ROLE]),
        highest("relayguard_a", "filter", where=[ROLE]),
        quantile(0.99, "relayguard_a_seconds", "stage", where=[ROLE]),
    ],
)
def test_every_expression_can_be_narrowed_to_one_host_and_more(expression: str) -> None:
    assert f"{{{INSTANCE}, {ROLE}}}" in expression


def test_a_share_of_nothing_is_none_and_not_an_error() -> None:
    assert ratio("a", "b") == "(a or 0 * b) / (b > 0)"


def test_a_histogram_is_added_up_by_its_bounds_first() -> None:
    assert "sum by (stage, le) (rate(x_bucket{" in quantile(0.5, "x", "stage")


def test_shapes_and_units_are_words_that_grafana_knows() -> None:
    assert {shape.value for shape in Shape} == {"timeseries", "stat", "bargauge", "table"}
    assert len({unit.value for unit in Unit}) == len(Unit)
