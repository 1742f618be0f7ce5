"""The benches see what they should: a difference, a pause, data that proves nothing."""

import numpy as np
import pytest

from sim.architectures import MACHINES
from sim.cases import RANDOM
from sim.job import Job, Outcome
from sim.random_cases import convolution
from sim.run import BenchFailure, prepare, run_bench
from sim.spread import flaws
from tcugen import golden
from tcugen.trace.vcd import sampled

ARCHITECTURE = MACHINES["4x4"]


def small_convolution():
    return convolution(5, 6, (4, 5), (1, 1))


def test_a_difference_is_reported_with_its_place(tmp_path):
    model, inputs = small_convolution()
    job = prepare(model, inputs, ARCHITECTURE, "none", 1, tmp_path)
    expected = job.expected["conv"].copy()
    expected[0, 4, 2, 3] ^= 1
    Job(job.program, job.inputs, {"conv": expected}, "none", 1, job.max_cycles).write(tmp_path)
    wanted, got = expected[0, 4, 2, 3], job.expected["conv"][0, 4, 2, 3]
    message = f"1 of 120 elements differ, the first at channel 4, y 2, x 3: expected {wanted}, got {got}"
    with pytest.raises(BenchFailure) as caught:
        run_bench("sim.bench_tensors", ARCHITECTURE, tmp_path)
    for where in ("observed", "in memory"):
        assert f"conv {where}: {message}" in str(caught.value)


def test_a_run_that_takes_too_long_is_reported(tmp_path):
    model, inputs = small_convolution()
    job = prepare(model, inputs, ARCHITECTURE, "none", 1, tmp_path)
    Job(job.program, job.inputs, job.expected, "none", 1, max_cycles=100).write(tmp_path)
    with pytest.raises(BenchFailure, match="no interrupt after 100 cycles"):
        run_bench("sim.bench_tensors", ARCHITECTURE, tmp_path)


def test_paused_buses_take_longer(tmp_path):
    model, inputs = small_convolution()
    cycles = []
    for pauses in ("none", "heavy"):
        prepare(model, inputs, ARCHITECTURE, pauses, 1, tmp_path)
        run_bench("sim.bench_tensors", ARCHITECTURE, tmp_path)
        cycles += Outcome.read(tmp_path).cycles
    assert cycles[1] > 1.25 * cycles[0]


@pytest.mark.slow
def test_waves_are_recorded_when_they_are_asked_for_and_only_then(tmp_path, monkeypatch):
    """A simulator without waves is not taken for one with them, nor the other way round."""
    for waves in ("", "1", ""):
        monkeypatch.setenv("WAVES", waves)
        directory = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        prepare(*small_convolution(), ARCHITECTURE, "none", 1, directory)
        run_bench("sim.bench_tensors", ARCHITECTURE, directory)
        assert (directory / "dump.vcd").exists() == bool(waves)
    found = sampled(tmp_path / "run1" / "dump.vcd", ["tcu_top.irq", "tcu_top.u_core.u_dispatch.unit_busy"])
    for signal in range(2):
        assert len({list(values.values())[signal] for values in found.values()}) > 1


@pytest.mark.parametrize("name", RANDOM)
def test_random_data_spreads(name):
    model, inputs = RANDOM[name].make()
    assert not flaws(model.network, golden.run(model, inputs))


@pytest.mark.parametrize(
    "tensor, flaw",
    [
        (np.arange(600) % 63 - 30, "conv has 63 distinct values, 0.0 % of its elements are saturated"),
        (np.where(np.arange(600) < 60, 127, np.arange(600) % 100), "10.0 % of its elements are saturated"),
        (np.where(np.arange(600) < 60, -128, np.arange(600) % 100), "10.0 % of its elements are saturated"),
    ],
)
def test_data_that_proves_nothing_is_seen(tensor, flaw):
    model, _ = small_convolution()
    (line,) = flaws(model.network, {"conv": tensor.astype(np.int8)})
    assert flaw in line


def test_cocotbext_axi_attaches_its_memory_in_one_line(tmp_path):
    model, inputs = small_convolution()
    prepare(model, inputs, ARCHITECTURE, "none", 1, tmp_path)
    run_bench("sim.bench_ram", ARCHITECTURE, tmp_path)
