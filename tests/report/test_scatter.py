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


def test_names_do_not_lie_on_each_other_and_none_is_lost():
    points = [(1000.0 + step, 5000.0 + 3 * step, f"{4 + step}x16") for step in range(12)]
    picture = ET.fromstring(scatter("t", "x", "y", points))
    names = {name for *_, name in points}
    written = [text for text in picture.findall(f"{SVG}text") if text.text in names]
    assert len(written) >= 2
    for at, one in enumerate(written):
        for other in written[at + 1 :]:
            apart_x = abs(float(one.attrib["x"]) - float(other.attrib["x"]))
            apart_y = abs(float(one.attrib["y"]) - float(other.attrib["y"]))
            assert apart_x > 7 * len(str(one.text)) or apart_y >= 12
    titles = [mark.findtext(f"{SVG}title", "").split(":")[0] for mark in picture.findall(f"{SVG}circle")]
    assert titles == [name for *_, name in points]


def test_numbers_on_the_axes_are_plain():
    picture = ET.fromstring(scatter("t", "x", "y", [(12_364, 0.5, "a"), (100, 0.25, "b")]))
    texts = [text.text for text in picture.findall(f"{SVG}text")]
    assert texts[3:15:2] == ["0", "2,720", "5,440", "8,160", "10,880", "13,600"]
    assert texts[4:15:2] == ["0.000", "0.110", "0.220", "0.330", "0.440", "0.550"]


def test_no_point_is_no_picture():
    with pytest.raises(ValueError, match="needs a point"):
        scatter("t", "x", "y", [])
