"""The list of bundled networks: what it counts, what it predicts, what does not run where."""

import json
import re
from pathlib import Path

from tcugen.arch import Architecture
from tcugen.network.bundled import NETWORK_NAMES
from tcugen.network.resnets import bundled_network
from tcugen.planning.search import best_plan

REFERENCE = Path(__file__).parents[2] / "rtl_out" / "reference"


def test_a_row_has_what_the_network_has(tcugen, tmp_path):
    result = tcugen("networks", "lenet5", "resnet20", "--json", "n.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "n.json").read_text())
    lenet, resnet = figures["networks"]
    assert (lenet["name"], lenet["macs"], lenet["weights"], lenet["input"]) == ("lenet5", 416_520, 61_470, "1x32x32")
    assert lenet["operators"] == {"conv": 3, "max_pool": 2, "linear": 2}
    assert (resnet["macs"], resnet["nodes"]) == (40_551_040, 32)
    machine = Architecture.from_dict(figures["architecture"])
    assert (machine.rows, machine.columns, machine.activation_kib) == (16, 16, 1280)
    assert resnet["predicted_cycles"] == best_plan(bundled_network("resnet20"), machine).cycles
    assert resnet["predicted_utilisation"] == 40_551_040 / (256 * resnet["predicted_cycles"])
    assert "cycles predicted for 16x16, 1280 KiB" in result.stdout
    for row in figures["networks"]:
        assert re.search(
            rf"{row['name']} .*{row['macs']:,} .*{row['weights']:,} .*{row['predicted_cycles']:,}", result.stdout
        )


def test_what_does_not_run_on_a_machine_is_said(tcugen, tmp_path):
    result = tcugen("networks", "lenet5", "vgg16", "--rtl", REFERENCE, "--json", "n.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "n.json").read_text())
    assert figures["architecture"] == json.loads((REFERENCE / "architecture.json").read_text())
    lenet, vgg = figures["networks"]
    assert lenet["predicted_cycles"] > 0 and lenet["refusal"] is None
    assert vgg["predicted_cycles"] is None and "activation memory" in vgg["refusal"]
    assert f"vgg16: {vgg['refusal']}" in result.stdout


def test_an_unknown_name_is_answered_with_the_list(tcugen):
    result = tcugen("networks", "lenet6")
    assert result.exit_code == 2
    assert "did you mean 'lenet5'" in result.stderr and NETWORK_NAMES[-1] in result.stderr
