"""Points with names in two dimensions, as an SVG picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, hypot, log10

_WIDTH, _HEIGHT, _MARGIN = 640, 400, 60
_TICKS = 5
"""Most steps of an axis."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""What a step of an axis may be, times a power of ten."""

_FONT = 12
_CHARACTER = 7.5
"""Most that a character of a name takes in width, at this size of the font."""
_DOT = 4
_PLACES = (("end", -6, -6), ("start", 6, 6 + _FONT), ("middle", 0, -8), ("middle", 0, 8 + _FONT))
"""Where a name may be against its point, the best first: which end of its base line is there, and how far from it."""

_Point = tuple[float, float]


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, point: _Point) -> bool:
        return self.left < point[0] < self.right and self.top < point[1] < self.bottom


@dataclass(frozen=True)
class _Axis:
    """From 0 to `end` in steps that people count in."""

    step: float
    end: float

    @classmethod
    def of(cls, most: float) -> "_Axis":
        """The one that holds `most` with some room."""
        wanted = 1.03 * (most or 1.0) / _TICKS
        power = 10.0 ** floor(log10(wanted))
        step = next(step * power for step in _STEPS if step * power >= wanted)
        return cls(step, step * ceil(1.03 * (most or 1.0) / step))

    def ticks(self) -> list[tuple[float, str]]:
        """Values and how they are written."""
        power = floor(log10(self.step))
        digits = max(0, -power + (round(self.step / 10.0**power, 1) == 2.5))
        count = round(self.end / self.step)
        return [(self.step * tick, f"{self.step * tick:,.{digits}f}") for tick in range(count + 1)]

    def told(self, value: float) -> str:
        """A value to three digits of the axis's end, thousands apart."""
        return f"{value:,.{max(0, 2 - floor(log10(self.end)))}f}"


def scatter(
    title: str,
    x_name: str,
    y_name: str,
    points: Sequence[tuple[float, float, str]],
    others: Sequence[tuple[float, float]] = (),
) -> str:
    """A picture of points (x, y, name), joined in their order, and of others, pale; both axes begin at 0.

    A name is beside its point where it covers no other name and no point, and the line if it can; where there is no
    such place, it is not written. Every point shows its name and values under the pointer.

    Raises:
        ValueError: If there is none.
    """
    if not points:
        raise ValueError("a picture needs a point")
    x_axis = _Axis.of(max(point[0] for point in (*points, *others)))
    y_axis = _Axis.of(max(point[1] for point in (*points, *others)))

    def at(x: float, y: float) -> _Point:
        return (
            _MARGIN + (_WIDTH - 2 * _MARGIN) * x / x_axis.end,
            _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * y / y_axis.end,
        )

    places = [at(x, y) for x, y, _ in points]
    pale = [at(x, y) for x, y in others]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    (left, bottom), (right, top) = at(0, 0), at(x_axis.end, y_axis.end)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="{_FONT}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_WIDTH / 2, _MARGIN / 3, title),
        _text(_WIDTH / 2, _HEIGHT - _MARGIN / 4, x_name),
        _text(_MARGIN, top - 14, y_name),
        *(f'<path d="M{left:.1f},{at(0, y)[1]:.1f} H{right:.1f}" stroke="#eee"/>' for y, _ in y_axis.ticks()[1:]),
        f'<path d="M{left:.1f},{top:.1f} V{bottom:.1f} H{right:.1f}" fill="none" stroke="black"/>',
        *(_text(at(x, 0)[0], bottom + 16, told) for x, told in x_axis.ticks()),
        *(_text(left - 6, at(0, y)[1] + 4, told, "end") for y, told in y_axis.ticks()),
        *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="lightgray"/>' for x, y in pale),
        f'<polyline points="{joined}" fill="none" stroke="gray"/>',
    ]
    room = _Box(left, 0, _WIDTH, bottom)
    names = _names(places, [name for *_, name in points], pale, room)
    for (x, y), written, (x_value, y_value, name) in zip(places, names, points, strict=True):
        told = f"{name}: {x_axis.told(x_value)}, {y_axis.told(y_value)}"
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}"><title>{escape(told)}</title></circle>')
        lines += [] if written is None else [written]
    return "\n".join([*lines, "</svg>", ""])


def _names(places: Sequence[_Point], names: Sequence[str], pale: Sequence[_Point], room: _Box) -> list[str | None]:
    """Each name as it is written, None where there is no room for it."""
    taken = [_Box(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in (*places, *pale)]
    line = list(_along(places))
    written: list[str | None] = []
    for (x, y), name in zip(places, names, strict=True):
        fitting = [
            (box, _text(x + across, y + down, name, anchor))
            for anchor, across, down in _PLACES
            for box in [_name_box(x + across, y + down, anchor, _CHARACTER * len(name))]
            if _inside(box, room) and not any(box.meets(other) for other in taken)
        ]
        # Off the line if it can be.
        fitting.sort(key=lambda place: any(place[0].holds(point) for point in line))
        written.append(fitting[0][1] if fitting else None)
        taken += [box for box, _ in fitting[:1]]
    return written


def _name_box(x: float, y: float, anchor: str, width: float) -> _Box:
    left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
    return _Box(left, y - _FONT, left + width, y)


def _inside(box: _Box, room: _Box) -> bool:
    return room.left < box.left and box.right < room.right and room.top < box.top and box.bottom < room.bottom


def _along(places: Sequence[_Point]) -> Iterator[_Point]:
    """Points of the line that joins `places`, some pixels apart."""
    for (x0, y0), (x1, y1) in pairwise(places):
        count = ceil(hypot(x1 - x0, y1 - y0) / 3) or 1
        for part in range(count + 1):
            yield x0 + (x1 - x0) * part / count, y0 + (y1 - y0) * part / count


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
