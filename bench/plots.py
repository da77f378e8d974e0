"""Draws curves as one SVG of small panels: plain text, and the same text for the same curves."""

import math
from collections.abc import Iterator

from bench.scale import Curve, Scale, straight

_WIDTH, _HEIGHT = 300, 200
"""Of one panel."""
_ACROSS = 2
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 34, 36
_TICKS, _LEAST = 5, 1e-6
_STYLE = """\
text { font: 11px sans-serif; fill: #333 } .title { font-weight: bold; font-size: 12px }
.axis { stroke: #888; fill: none } .grid { stroke: #ddd } .line { stroke: #d08030; stroke-width: 1.5 }
.curve { stroke: #3070b0; fill: none; stroke-width: 1 } circle { fill: #3070b0 }
"""


def draw(scale: Scale) -> str:
    """Return the picture."""
    down = -(-len(scale.curves) // _ACROSS)
    width, height = _ACROSS * _WIDTH, down * _HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<style>{_STYLE}</style>\n<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for at, curve in enumerate(scale.curves):
        lines.append(f'<g transform="translate({at % _ACROSS * _WIDTH},{at // _ACROSS * _HEIGHT})">')
        lines += _panel(curve)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def ticks(largest: float) -> list[float]:
    """Return a few round numbers from 0 up to at least `largest`."""
    largest = max(largest, _LEAST)
    power = 10.0 ** math.floor(math.log10(largest / _TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * _TICKS >= largest)
    return [round(step * at, 9) for at in range(math.ceil(largest / step - _LEAST) + 1)]


def _panel(curve: Curve) -> Iterator[str]:
    xs, ys = ticks(max(curve.xs)), ticks(max(curve.ys))
    yield f'<text class="title" x="{_LEFT}" y="14">{_escaped(curve.unit)}</text>'
    yield f'<text x="{_LEFT}" y="28">{_escaped(straight(curve))}</text>'
    for y in ys:
        at = _y(y, ys)
        yield f'<path class="grid" d="M{_LEFT} {at}H{_WIDTH - _RIGHT}"/>'
        yield f'<text x="{_LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{y:g}</text>'
    for x in xs:
        yield f'<text x="{_x(x, xs)}" y="{_HEIGHT - _BOTTOM + 14}" text-anchor="middle">{x:g}</text>'
    yield f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 7}" text-anchor="middle">{_escaped(curve.what)}</text>'
    yield f'<path class="axis" d="M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"/>'
    yield from _content(curve, xs, ys)


def _content(curve: Curve, xs: list[float], ys: list[float]) -> Iterator[str]:
    points = [(_x(x, xs), _y(y, ys)) for x, y in zip(curve.xs, curve.ys, strict=True)]
    if curve.fitted:
        base, slope = curve.line
        ends = (min(curve.xs), max(curve.xs))
        first, last = (f"{_x(x, xs)} {_y(base + slope * x, ys)}" for x in ends)
        yield f'<path class="line" d="M{first}L{last}"/>'
    else:
        yield f'<path class="curve" d="M{"L".join(f"{x} {y}" for x, y in points)}"/>'
    for x, y in points:
        yield f'<circle cx="{x}" cy="{y}" r="3"/>'


def _x(value: float, scale: list[float]) -> float:
    return round(_LEFT + value / scale[-1] * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(value: float, scale: list[float]) -> float:
    return round(_HEIGHT - _BOTTOM - value / scale[-1] * (_HEIGHT - _TOP - _BOTTOM), 1)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
