"""`tcugen shapes` on the reference network: its figures add up to the run's."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tcugen.arch import Architecture
from tcugen.commands.shapes import shape_figures
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv, MaxPool, Table
from tcugen.verify.compare import NodeResult


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


def test_whatever_runs_along_with_another_node_is_said_to():
    conv, pool = Conv("conv", ("image",), 4, (1, 1)), MaxPool("pool", ("table",), (2, 2), (2, 2))
    network = Network("small", (("image", Shape(4, 2, 2)),), (conv, Table("table", ("conv",), "sigmoid"), pool))
    cycles = {"conv": 9, "table": 0, "pool": 0}
    results = [
        NodeResult(node, network.shapes[node.name], network.macs(node), cycles[node.name], 4, {}, False, 0, 0)
        for node in network.nodes
    ]
    figures = dict.fromkeys(("format", "network", "memory", "architecture", "mac_count", "mismatches"))
    measured: Any = SimpleNamespace(
        model=SimpleNamespace(network=network),
        figures=figures,
        outcome=SimpleNamespace(nodes=results, cycles=[9]),
        program=SimpleNamespace(architecture=Architecture(rows=4, columns=4), mac_count=network.mac_count),
    )
    fused = {shape["op"]: shape["fused"] for shape in shape_figures(measured)["shapes"]}
    assert fused == {"conv": False, "table": True, "max_pool": False}


def test_bad_input_is_refused_before_any_work(tcugen):
    result = tcugen("shapes", "resnet51")
    assert result.exit_code == 2 and "resnet51" in result.stderr
    result = tcugen("shapes", "resnet20", "--memory", "fast")
    assert result.exit_code == 2 and "--memory is 'fast'" in result.stderr
