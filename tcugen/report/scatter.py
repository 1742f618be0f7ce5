"""Points with names in two dimensions, as an SVG picture."""

from collections.abc import Sequence
from html import escape
from math import floor, log10

_WIDTH, _HEIGHT, _MARGIN = 640, 400, 60
_TICKS = 5

_FONT = 12
_CHARACTER = 7.5
"""Most that a character of a name takes in width, at this size of the font."""
_LABEL_BASES = (-8, 8 + _FONT)
"""Where the base line of a name may be against its point: above it, below it."""

_Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def scatter(
    title: str,
    x_name: str,
    y_name: str,
    points: Sequence[tuple[float, float, str]],
    others: Sequence[tuple[float, float]] = (),
) -> str:
    """A picture of points (x, y, name), joined in their order, and of others, pale; both axes begin at 0.

    A name stands above its point, or below it where another name is; where neither is free, it is not written. Every
    point shows its name and values under the pointer.

    Raises:
        ValueError: If there is none.
    """
    if not points:
        raise ValueError("a picture needs a point")
    most_x = 1.1 * max(point[0] for point in (*points, *others)) or 1.0
    most_y = 1.1 * max(point[1] for point in (*points, *others)) or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            _MARGIN + (_WIDTH - 2 * _MARGIN) * x / most_x,
            _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * y / most_y,
        )

    places = [at(x, y) for x, y, _ in points]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    (left, bottom), (right, top) = at(0, 0), at(most_x, most_y)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="{_FONT}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_WIDTH / 2, _MARGIN / 2, title),
        _text(_WIDTH / 2, _HEIGHT - _MARGIN / 4, x_name),
        _text(_MARGIN, top - 8, y_name),
        f'<path d="M{left:.1f},{top:.1f} V{bottom:.1f} H{right:.1f}" fill="none" stroke="black"/>',
    ]
    for tick in range(_TICKS + 1):
        x, y = most_x * tick / _TICKS, most_y * tick / _TICKS
        lines += [
            _text(at(x, 0)[0], bottom + 16, _number(x, most_x)),
            _text(left - 6, at(0, y)[1] + 4, _number(y, most_y), "end"),
        ]
    for x, y in (at(*other) for other in others):
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="lightgray"/>')
    lines.append(f'<polyline points="{joined}" fill="none" stroke="gray"/>')
    bases = _label_bases(places, [name for *_, name in points], bottom)
    for (x, y), base, (x_value, y_value, name) in zip(places, bases, points, strict=True):
        told = f"{name}: {_number(x_value, most_x)}, {_number(y_value, most_y)}"
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(told)}</title></circle>')
        lines += [] if base is None else [_text(x, base, name)]
    return "\n".join([*lines, "</svg>", ""])


def _number(value: float, most: float) -> str:
    """A value on an axis that ends at `most`: three digits of that, thousands apart."""
    digits = max(0, 2 - floor(log10(most)))
    return f"{value:,.{digits}f}"


def _label_bases(places: Sequence[tuple[float, float]], names: Sequence[str], bottom: float) -> list[float | None]:
    """Base line of each name, so that no two lie on each other, nor any on the axis; None where none is free."""
    taken: list[_Box] = []
    bases: list[float | None] = []
    for (x, y), name in zip(places, names, strict=True):
        half = _CHARACTER * len(name) / 2
        boxes = {y + step: (x - half, y + step - _FONT, x + half, y + step) for step in _LABEL_BASES}
        free = [base for base, box in boxes.items() if base < bottom and not any(_overlap(box, b) for b in taken)]
        bases.append(free[0] if free else None)
        taken += [boxes[base] for base in free[:1]]
    return bases


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
