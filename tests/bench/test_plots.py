import re
from xml.etree import ElementTree as ET

import pytest

from bench.plots import draw, ticks
from bench.scale import Curve, Scale

SVG = "{http://www.w3.org/2000/svg}"
WORKERS = Curve(what="workers", unit="messages a second", xs=(1, 2, 4), ys=(900, 1500, 1400), fitted=False)
BODY = Curve(what="MB of body", unit="ms <of CPU>", xs=(0.001, 1, 10), ys=(0.3, 2.1, 20))


def scale(*curves: Curve) -> Scale:
    return Scale(when="now", cores=2, curves=curves)


@pytest.mark.parametrize("largest", [0, 0.0004, 0.31, 1, 4, 9.99, 20, 200, 1500, 10_000_000])
def test_ticks_are_few_and_reach_as_far_as_the_points(largest: float) -> None:
    found = ticks(largest)
    assert found[0] == 0
    assert found[-1] >= largest
    assert 2 <= len(found) <= 6


def test_ticks_are_round() -> None:
    assert ticks(200) == [0, 50, 100, 150, 200]
    assert ticks(0.31) == [0, 0.1, 0.2, 0.3, 0.4]


def test_every_curve_has_a_panel_with_its_points_inside_of_it() -> None:
    drawn = ET.fromstring(draw(scale(WORKERS, BODY, BODY)))
    panels = drawn.findall(f"{SVG}g")
    assert [len(panel.findall(f"{SVG}circle")) for panel in panels] == [3, 3, 3]
    for dot in drawn.iter(f"{SVG}circle"):
        assert 0 < float(dot.attrib["cx"]) < 300
        assert 0 < float(dot.attrib["cy"]) < 200
    places = [re.findall(r"\d+", panel.attrib["transform"]) for panel in panels]
    assert places == [["0", "0"], ["300", "0"], ["0", "200"]]


def test_a_line_is_drawn_where_one_is_fitted() -> None:
    assert 'class="line"' in draw(scale(BODY))
    assert 'class="line"' not in draw(scale(WORKERS))


def test_the_same_curves_give_the_same_text_and_words_are_escaped() -> None:
    assert draw(scale(WORKERS, BODY)) == draw(scale(WORKERS, BODY))
    assert "ms &lt;of CPU>" in draw(scale(BODY))
