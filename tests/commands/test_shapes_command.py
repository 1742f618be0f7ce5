"""`tcugen shapes` on the reference network: its figures add up to the run's."""

import json
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def kept_simulators(pytestconfig, monkeypatch):
    """Simulators stay from run to run, outside the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))


@pytest.mark.slow
def test_figures_add_up(tcugen, reference_config, reference_build):
    result = tcugen("shapes", reference_config, "--rtl", reference_build, "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("figures.json").read_text())
    shapes = figures["shapes"]
    nodes = json.loads(reference_config.read_text())["nodes"]
    assert sorted(name for shape in shapes for name in shape["layers"]) == sorted(node["name"] for node in nodes)
    assert sum(shape["cycles"] for shape in shapes) == figures["cycles"]
    assert sum(shape["macs"] for shape in shapes) == figures["mac_count"]
    for shape in shapes:
        assert shape["ideal_cycles"] + sum(shape["losses"].values()) == pytest.approx(shape["cycles"])
        assert all(lost > 0 for lost in shape["losses"].values())
        assert shape["ideal_cycles"] == shape["macs"] / 16
    assert figures["utilisation"] == pytest.approx(figures["mac_count"] / (16 * figures["cycles"]))
    assert figures["mismatches"] == 0
    assert "mismatches = 0: golden, emulator and RTL agree in every element" in result.stdout
    for shape in shapes:
        assert shape["output"] in result.stdout


def test_bad_input_is_refused_before_any_work(tcugen):
    result = tcugen("shapes", "resnet51")
    assert result.exit_code == 2 and "resnet51" in result.stderr
    result = tcugen("shapes", "resnet20", "--memory", "fast")
    assert result.exit_code == 2 and "--memory is 'fast'" in result.stderr
