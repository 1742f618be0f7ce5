"""The page in a real browser: it opens offline and without a complaint, shows the numbers of its JSON, and sorts."""

import json
import math
import re

import pytest
from playwright.sync_api import Browser, Page

from tcugen.page.render import write_page

pytestmark = pytest.mark.slow

CHARTS = ("chart-cycles", "chart-roofline", "chart-traffic", "chart-timeline", "chart-memory")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, striped_content):
    folder = tmp_path_factory.mktemp("page")
    write_page(folder, striped_content)
    return folder


@pytest.fixture
def opened(browser: Browser, folder):
    """The page, from a browser without network, and what it complained about and asked for."""
    context = browser.new_context(offline=True, color_scheme="light", viewport={"width": 1200, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((folder / "report.html").as_uri())
    yield page, complaints, asked
    context.close()


def number(text: str) -> float:
    return float(re.sub(r"[^0-9.]", "", text))


def column(page: Page, name: str) -> list[str]:
    heads = page.locator("#layer-table th").all_inner_texts()
    return page.locator(f"#layer-table tbody td:nth-child({heads.index(name) + 1})").all_inner_texts()


def inked(page: Page, chart: str) -> int:
    """How many colours a chart is painted in."""
    return page.evaluate(
        """name => {
            const canvas = document.querySelector(`#${name} canvas`);
            const pixels = new Uint32Array(
                canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
            return new Set(pixels).size;
        }""",
        chart,
    )


def test_it_opens_offline_without_a_complaint(opened, folder):
    page, complaints, asked = opened
    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == [(folder / "report.html").as_uri()]
    for chart in CHARTS:
        assert inked(page, chart) > 10, chart


def test_its_numbers_are_those_of_its_json(opened, folder):
    page, _, _ = opened
    content = json.loads((folder / "report" / "page.json").read_text())
    assert page.evaluate("content") == content
    assert number(page.locator("#tile-cycles").inner_text()) == content["predicted_cycles"]
    assert number(page.locator("#tile-utilisation").inner_text()) == pytest.approx(
        100 * content["utilisation"], abs=0.05
    )
    assert [number(text) for text in column(page, "predicted")] == [
        layer["predicted_cycles"] for layer in content["layers"]
    ]
    assert column(page, "nodes") == [" + ".join(layer["nodes"]) for layer in content["layers"]]
    drawn = page.evaluate(
        "echarts.getInstanceByDom(document.getElementById('chart-timeline')).getOption().series[0].data"
    )
    assert [span[:2] for span in drawn] == [[span["start"], span["end"]] for span in content["timeline"]]


def test_a_click_on_a_heading_sorts(opened):
    page, _, _ = opened
    before = [number(text) for text in column(page, "predicted")]
    head = page.locator("#layer-table th", has_text="predicted")
    head.click()
    assert [number(text) for text in column(page, "predicted")] == sorted(before, reverse=True) != before
    assert head.get_attribute("aria-sort") == "descending"
    head.click()
    assert [number(text) for text in column(page, "predicted")] == sorted(before)
    page.locator("#layer-table th", has_text="nodes").click()
    assert head.get_attribute("aria-sort") is None


def test_outputs_are_sorted_by_their_elements(opened):
    page, _, _ = opened
    page.locator("#layer-table th", has_text="output").click()
    elements = [math.prod(map(int, text.split("x"))) for text in column(page, "output")]
    assert elements == sorted(elements, reverse=True)
    assert len(set(elements)) > 3


def test_on_a_narrow_screen_the_drawing_says_that_it_scrolls(opened):
    page, _, _ = opened
    hint = page.locator("#machine .narrow")
    assert not hint.is_visible()
    page.set_viewport_size({"width": 420, "height": 900})
    assert hint.is_visible()
    # Charts follow the window a moment later.
    page.wait_for_function("document.documentElement.scrollWidth <= 420")


def test_the_filter_leaves_what_it_names(opened):
    page, _, _ = opened
    page.locator("#filter").fill("layer2.0")
    shown = page.locator("#layer-table tbody tr:visible td:nth-child(2)").all_inner_texts()
    assert shown
    assert all("layer2.0" in name for name in shown)


def test_dark_and_light_are_drawn_differently(opened):
    page, complaints, _ = opened
    back = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(back)
    page.locator("#theme").click()
    assert page.evaluate(back) != light
    page.emulate_media(color_scheme="dark")
    # A change that is taken back before a frame is drawn is none.
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"light => {back} == light", arg=light, timeout=5000)
    assert complaints == []


def test_the_roofline_holds_every_dot_with_room_to_spare(opened, folder):
    page, _, _ = opened
    content = json.loads((folder / "report" / "page.json").read_text())
    option = page.evaluate("echarts.getInstanceByDom(document.getElementById('chart-roofline')).getOption()")
    x, y = option["xAxis"][0], option["yAxis"][0]
    dots = [dot["value"] for dot in option["series"][1]["data"]]
    assert len(dots) == sum(layer["macs"] > 0 for layer in content["layers"])
    assert all(2 * x["min"] < dot[0] < x["max"] / 2 and 2 * y["min"] < dot[1] < y["max"] / 2 for dot in dots)
    roof = option["series"][0]["data"]
    assert roof[0][0] >= x["min"] and roof[0][1] >= y["min"] and roof[-1] == [x["max"], content["multipliers"]]


def test_cycles_as_shares_end_at_100(opened):
    page, _, _ = opened
    page.locator("#cycles-share").check()
    series = page.evaluate("echarts.getInstanceByDom(document.getElementById('chart-cycles')).getOption().series")
    sums = [sum(values) for values in zip(*(one["data"] for one in series), strict=True)]
    assert sums == pytest.approx([100] * len(sums))
