"""The picture of points: well-formed, every point where it belongs."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from tcugen.report.scatter import scatter

SVG = "{http://www.w3.org/2000/svg}"


def test_points_are_where_their_values_are():
    picture = ET.fromstring(scatter("a < b", "x", "y", [(10, 100, "4x4"), (20, 400, "8x8"), (40, 200, "4x16")]))
    places = [(float(mark.attrib["cx"]), float(mark.attrib["cy"])) for mark in picture.findall(f"{SVG}circle")]
    (x0, y0), (x1, y1), (x2, y2) = places
    assert x2 - x1 == pytest.approx(2 * (x1 - x0), abs=0.2)
    assert y0 - y1 == pytest.approx(3 * (y0 - y2), abs=0.3)
    texts = [text.text for text in picture.findall(f"{SVG}text")]
    assert {"a < b", "4x4", "8x8", "4x16"} <= set(texts)
    (line,) = picture.findall(f"{SVG}polyline")
    assert line.get("points") == " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def box(text: ET.Element) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what a text covers, about."""
    x, y, width = float(text.attrib["x"]), float(text.attrib["y"]), 7 * len(str(text.text))
    left = x - width * {"start": 0, "middle": 0.5, "end": 1}[text.attrib["text-anchor"]]
    return left, y - 9, left + width, y


def apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


NAMED = {
    "crowded": [(1000.0 + step, 5000.0 + 3 * step, f"{4 + step}x16") for step in range(12)],
    "a curve": [(float(4 + step * step), 50.0 * step, f"{step}x{step}") for step in range(1, 9)],
    "at the edges": [(0.0, 0.0, "a long name of a machine"), (1.0, 1.0, "another long name of a machine")],
}


@pytest.mark.parametrize("points", NAMED.values(), ids=NAMED)
def test_names_lie_on_no_name_and_no_point_and_none_is_lost(points):
    picture = ET.fromstring(scatter("t", "x", "y", points, [(2.0, 1.0)]))
    names = {name for *_, name in points}
    boxes = [box(text) for text in picture.findall(f"{SVG}text") if text.text in names]
    assert len(boxes) >= 2 or points is NAMED["at the edges"]
    marks = picture.findall(f"{SVG}circle")
    dots = [(float(mark.attrib["cx"]), float(mark.attrib["cy"])) for mark in marks]
    for at, one in enumerate(boxes):
        assert one[0] >= 60 and one[1] >= 0 and one[2] <= 640 and one[3] <= 340
        assert all(apart(one, other) for other in boxes[at + 1 :])
        assert all(apart(one, (x - 3, y - 3, x + 3, y + 3)) for x, y in dots)
    titles = [mark.findtext(f"{SVG}title", "").split(":")[0] for mark in marks]
    assert [title for title in titles if title] == [name for *_, name in points]


def test_names_on_a_rising_curve_are_off_it():
    points = NAMED["a curve"]
    picture = ET.fromstring(scatter("t", "x", "y", points))
    names = {name for *_, name in points}
    texts = [text for text in picture.findall(f"{SVG}text") if text.text in names]
    assert [text.text for text in texts] == [name for *_, name in points]
    (line,) = picture.findall(f"{SVG}polyline")
    corners = [tuple(map(float, corner.split(","))) for corner in line.attrib["points"].split()]
    for text in texts:
        left, top, right, bottom = box(text)
        for (x0, y0), (x1, y1) in pairwise(corners):
            for x, y in ((x0 + (x1 - x0) * part / 50, y0 + (y1 - y0) * part / 50) for part in range(51)):
                assert not (left < x < right and top < y < bottom), f"the line crosses {text.text}"


AXES = {
    (12_364, 0.5): (["0", "5,000", "10,000", "15,000"], ["0.0", "0.2", "0.4", "0.6"]),
    (187, 614): (["0", "50", "100", "150", "200"], ["0", "200", "400", "600", "800"]),
    (9.9, 1.2): (["0.0", "2.5", "5.0", "7.5", "10.0", "12.5"], ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"]),
    (0, 1): (["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"], ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"]),
}


@pytest.mark.parametrize("most, expected", AXES.items())
def test_axes_count_in_round_steps_and_hold_every_point(most, expected):
    picture = ET.fromstring(scatter("t", "x", "y", [(*most, "a"), (0, 0, "b")]))
    texts = [text.text for text in picture.findall(f"{SVG}text")][3:]
    x, y = expected
    assert texts[: len(x) + len(y)] == x + y


def test_no_point_is_no_picture():
    with pytest.raises(ValueError, match="needs a point"):
        scatter("t", "x", "y", [])
