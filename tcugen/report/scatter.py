"""Points with names in two dimensions, as an SVG picture."""

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _MARGIN = 640, 400, 60
_TICKS = 5


def scatter(
    title: str,
    x_name: str,
    y_name: str,
    points: Sequence[tuple[float, float, str]],
    others: Sequence[tuple[float, float]] = (),
) -> str:
    """A picture of points (x, y, name), joined in their order, and of others, pale; both axes begin at 0.

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
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_WIDTH / 2, _MARGIN / 2, title),
        _text(_WIDTH / 2, _HEIGHT - _MARGIN / 4, x_name),
        _text(_MARGIN, top - 8, y_name),
        f'<path d="M{left:.1f},{top:.1f} V{bottom:.1f} H{right:.1f}" fill="none" stroke="black"/>',
    ]
    for tick in range(_TICKS + 1):
        x, y = most_x * tick / _TICKS, most_y * tick / _TICKS
        lines += [
            _text(at(x, 0)[0], bottom + 16, f"{x:.3g}"),
            _text(left - 6, at(0, y)[1] + 4, f"{y:.3g}", "end"),
        ]
    for x, y in (at(*other) for other in others):
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="lightgray"/>')
    lines.append(f'<polyline points="{joined}" fill="none" stroke="gray"/>')
    for (x, y), (_, _, name) in zip(places, points, strict=True):
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>', _text(x, y - 8, name)]
    return "\n".join([*lines, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
