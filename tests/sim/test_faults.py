"""Faults of bus, memory and program on the emitted Verilog: see `sim.bench_faults` and `sim.bench_last`."""

import pytest

from sim.architectures import MACHINES
from sim.random_cases import bottleneck
from sim.run import prepare, run_bench


@pytest.mark.slow
@pytest.mark.parametrize("machine, pauses", [("4x4", "short"), pytest.param("8x8", "long", marks=pytest.mark.verify)])
def test_faults_stop_the_machine_cleanly(machine, pauses, tmp_path):
    architecture = MACHINES[machine]
    model, inputs = bottleneck(8, 8, 12, 6, stride=2, images=2)
    job = prepare(model, inputs, architecture, pauses, 1, tmp_path)
    assert job.images == 2
    run_bench("sim.bench_faults", architecture, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["4x4", "8x8"])
def test_bursts_that_end_at_a_wrong_beat_stop_the_machine(machine, tmp_path):
    architecture = MACHINES[machine]
    model, inputs = bottleneck(8, 8, 12, 6, stride=2, images=2)
    prepare(model, inputs, architecture, "none", 1, tmp_path)
    run_bench("sim.bench_last", architecture, tmp_path)
