"""How cost grows, as plain values: curves, and the straight lines through them."""

from pathlib import Path
from statistics import linear_regression

from bench.results import Value


class Curve(Value):
    """What something costs, `ys`, against how much of it there is, `xs`; `fitted` if a line is to be drawn through it."""

    what: str
    unit: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    fitted: bool = True

    @property
    def line(self) -> tuple[float, float]:
        """What there is to begin with, and what each one more adds: by least squares."""
        slope, base = linear_regression(self.xs, self.ys)
        return base, slope

    @property
    def bend(self) -> float:
        """What each one more adds in the upper half, against the whole: 1 is straight, 2 is bad."""
        half = len(self.xs) // 2
        slope = self.line[1]
        return linear_regression(self.xs[half:], self.ys[half:])[0] / slope if slope else 1.0


class Scale(Value):
    """All curves of one run."""

    when: str
    cores: int
    curves: tuple[Curve, ...]

    def save(self, path: Path) -> None:
        """Keep them, so that they can be drawn again."""
        path.write_text(self.model_dump_json(indent=1))

    @classmethod
    def load(cls, path: Path) -> "Scale":
        """Read curves that were kept."""
        return cls.model_validate_json(path.read_text())


def straight(curve: Curve) -> str:
    """Tell the line of a curve, or its points where none is drawn through them."""
    if not curve.fitted:
        return ", ".join(f"{x:g}: {number(y)}" for x, y in zip(curve.xs, curve.ys, strict=True))
    base, slope = curve.line
    return f"{number(base)} + {number(slope)} each"


def number(value: float) -> str:
    """Write a number in three digits at most, if it is below a thousand."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"
