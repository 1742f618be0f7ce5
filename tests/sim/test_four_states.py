"""The machine in a simulator of events and four states: everything starts as X, and nothing of it comes out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sim.build import VERILOG_STANDARDS, build_icarus
from sim.job import Outcome
from sim.random_cases import convolution
from sim.run import prepare, run_bench_in_four_states
from tcugen.arch import Architecture
from tcugen.network.layer_config import read_layer_config
from tcugen.simulator.environment import EnvironmentProblem
from tcugen.synthetic.integers import synthesise
from tests.compiler.table_networks import TABLES

ROOT = Path(__file__).parents[2]
ARCHITECTURE = Architecture.from_dict(json.loads((ROOT / "rtl_out" / "reference" / "architecture.json").read_text()))
BENCH = "sim.bench_tensors"


@pytest.mark.parametrize("standard", VERILOG_STANDARDS)
def test_the_reference_machine_runs_its_network(standard, tmp_path):
    model, inputs = synthesise(read_layer_config(ROOT / "examples" / "reference.json"), seed=1)
    job = prepare(model, inputs, ARCHITECTURE, "short", 1, tmp_path)
    run_bench_in_four_states(BENCH, ARCHITECTURE, standard, tmp_path)
    assert Outcome.read(tmp_path).elements == sum(tensor.size for tensor in job.expected.values()) > 0


@pytest.mark.parametrize("parity", [0, 1])
def test_rows_and_channels_that_fill_no_beat_leave_as_zeros(parity, tmp_path):
    # 3 pixels of 4 bytes in beats of 8, 6 channels in words of 4.
    model, inputs = convolution(5, 6, (4, 3), (3, 3))
    architecture = replace(ARCHITECTURE, parity=parity)
    prepare(model, inputs, architecture, "none", 1, tmp_path)
    run_bench_in_four_states(BENCH, architecture, VERILOG_STANDARDS[-1], tmp_path)


def test_tables_start_undefined_and_nothing_of_that_comes_out(tmp_path):
    outcomes = []
    for parity in (0, 1):
        architecture = replace(ARCHITECTURE, tables=1, multiply=1, per_channel=1, unrounded_add=1, parity=parity)
        model, inputs = synthesise(TABLES["behind_convolutions"], seed=1)
        (folder := tmp_path / f"parity_{parity}").mkdir()
        prepare(model, inputs, architecture, "short", 1, folder)
        run_bench_in_four_states(BENCH, architecture, VERILOG_STANDARDS[-1], folder)
        outcomes.append(Outcome.read(folder))
    assert outcomes[0] == outcomes[1], "parity costs no cycle"


def test_without_icarus_its_name_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="no iverilog found: install Icarus Verilog"):
        build_icarus(ARCHITECTURE, VERILOG_STANDARDS[0], tmp_path)
