"""ZigZag and SCALE-Sim take the exported layers, run them, and count the multiplications that we count.

They run in an environment of their own, which `make layer-tools` makes: their requirements are not ours.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tcugen.network.layer_config import load_network
from tcugen.network.layer_tables import loop_nests, scalesim, zigzag
from tests.packaged import ROOT, outside_environment

PYTHON = ROOT / ".venv-layers" / "bin" / "python"
SCRIPTS = Path(__file__).parent / "outside"
TOOLS = {"scalesim": (scalesim, "topology.csv"), "zigzag": (zigzag, "workload.yaml")}


FOUND = sorted(TOOLS) if (ROOT / ".venv-layers" / "stamp").exists() else []


def told_by(tool: str, name: str, folder: Path, *run_in: Path) -> dict[str, list]:
    """What the script of the tool prints of the bundled network; asserts that it counts what we count."""
    network, _ = load_network(name)
    write, file_name = TOOLS[tool]
    (folder / file_name).write_text(write(network))
    command = [PYTHON, SCRIPTS / f"run_{tool}.py", folder / file_name, *run_in]
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=outside_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    ours = {nest.name: nest.macs for nest in loop_nests(network)}
    assert dict(zip(told["names"], told["macs"], strict=True)) == ours
    print(f"{tool}, {name}: {len(ours)} layers, {sum(told['macs']):,} multiplications; ours {sum(ours.values()):,}")
    return told


@pytest.mark.verify
@pytest.mark.parametrize("tool", FOUND)
def test_a_tool_runs_the_layers(tmp_path, tool):
    told = told_by(tool, "resnet20", tmp_path, tmp_path)
    assert len(told["cycles"]) == len(told["macs"])
    # No layer is faster than its multipliers.
    pairs = zip(told["macs"], told["cycles"], strict=True)
    assert all(cycles * told["multipliers"] >= macs for macs, cycles in pairs)


@pytest.mark.verify
@pytest.mark.parametrize("tool", FOUND)
def test_a_tool_reads_the_layers(tmp_path, tool):
    assert sum(told_by(tool, "resnet50", tmp_path)["macs"]) == 4_089_184_256
