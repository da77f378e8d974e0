from pathlib import Path

import pytest

from bench.scale import Curve, Scale, straight


def curve(*ys: float, fitted: bool = True) -> Curve:
    return Curve(what="signatures", unit="ms", xs=tuple(range(len(ys))), ys=ys, fitted=fitted)


def test_a_line_tells_what_there_is_and_what_each_adds() -> None:
    assert curve(1, 3, 5, 7).line == pytest.approx((1, 2))
    assert straight(curve(1, 3, 5, 7)) == "1 + 2 each"


def test_where_no_line_is_drawn_the_points_are_told() -> None:
    assert straight(curve(900, 1500, fitted=False)) == "0: 900, 1: 1500"


@pytest.mark.parametrize(("ys", "low", "high"), [((0, 1, 2, 3, 4, 5), 0.99, 1.01), ((0, 1, 4, 9, 16, 25), 1.4, 2)])
def test_what_grows_faster_than_a_line_bends_up(ys: tuple[float, ...], low: float, high: float) -> None:
    assert low < curve(*ys).bend < high


def test_what_does_not_grow_is_straight() -> None:
    assert curve(2, 2, 2, 2).bend == 1


def test_curves_that_were_kept_are_the_same(tmp_path: Path) -> None:
    scale = Scale(when="now", cores=2, curves=(curve(1, 2), curve(3, 4, fitted=False)))
    scale.save(tmp_path / "scale.json")
    assert Scale.load(tmp_path / "scale.json") == scale
