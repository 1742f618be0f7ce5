"""The array at work: what the page shows obeys the arithmetic of the array, and a browser shows it."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.commands.conftest import REFERENCE_CONFIG, call
from tests.typed import present

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shown(tmp_path_factory, reference_build, pytestconfig):
    path = tmp_path_factory.mktemp("animation") / "array.html"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))
        machine = ("--layer-config", REFERENCE_CONFIG, "--rtl", reference_build)
        result = call("simulate", *machine, "--animate", path)
    assert result.exit_code == 0, result.output
    assert "animation of cycles" in result.stdout
    return path


@pytest.fixture(scope="module")
def cycles(shown):
    text = re.search(r'<script type="application/json" id="content">(.*?)</script>', shown.read_text(), re.DOTALL)
    content = json.loads(present(text)[1])
    assert (content["rows"], content["columns"]) == (4, 4)
    return content["cycles"]


def test_products_and_sums_follow_from_the_cycle_before(cycles):
    assert len(cycles) == 240
    values = set()
    for before, after in pairwise(cycles):
        assert after["cycle"] == before["cycle"] + 1
        for r in range(4):
            for c in range(4):
                assert after["products"][r][c] == before["operands"][r] * before["live"][r][c]
                above = before["sums"][r - 1][c] if r else 0
                assert after["sums"][r][c] == above + before["products"][r][c]
                values.add(after["sums"][r][c])
    assert len(values) > 500


def test_planes_change_as_rows_are_stored_and_swapped(cycles):
    swaps = loads = 0
    for before, after in pairwise(cycles):
        for r in range(4):
            assert after["live"][r] == (before["shadow"] if before["swaps"][r] else before["live"])[r]
            swaps += before["swaps"][r]
            if before["loaded_row"] != r:
                assert after["shadow"][r] == before["shadow"][r]
            else:
                loads += 1
    assert swaps >= 12
    assert loads >= 12


def test_a_browser_shows_the_cycle_that_is_asked_for(shown, cycles, browser):
    page = browser.new_context(offline=True).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(shown.as_uri())
    for _ in range(3):
        page.locator("#on").click()
    assert page.locator("#cycle").inner_text() == f"cycle {cycles[3]['cycle']:,}"
    texts = page.locator("#array .live").all_text_contents()
    assert [int(text) for text in texts] == [weight for row in cycles[3]["live"] for weight in row]
    page.locator("#back").click()
    assert page.locator("#cycle").inner_text() == f"cycle {cycles[2]['cycle']:,}"
    page.locator("#speed").fill("30")
    page.locator("#play").click()
    page.wait_for_function("at > 8")
    assert complaints == []


def test_what_cannot_be_animated_is_refused(tcugen, reference_config):
    arguments = ("simulate", "--layer-config", reference_config, "--animate", "a.html")
    result = tcugen(*arguments, "--array", "16x16", "--activation-kib", 16)
    assert (result.exit_code, "--animate shows arrays of at most 64 multipliers" in result.stderr) == (2, True)
    result = tcugen(*arguments, "--array", "4x4", "--cycles", "0:5000")
    assert (result.exit_code, "has 5001 cycles, but an animation at most 2000" in result.stderr) == (2, True)
    assert list(Path().iterdir()) == []
