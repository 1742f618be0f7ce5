"""The picture of points: well-formed, every point where it belongs."""

import xml.etree.ElementTree as ET

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


def test_no_point_is_no_picture():
    with pytest.raises(ValueError, match="needs a point"):
        scatter("t", "x", "y", [])
