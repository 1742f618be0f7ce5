"""Every tensor of every case, on every bench machine, equals golden bit for bit."""

from pathlib import Path

import pytest

from sim.architectures import FURTHER_MACHINES, MACHINES
from sim.cases import CASES
from sim.job import Outcome
from sim.pauses import PROFILES
from sim.run import prepare, run_bench

ALL_MACHINES = MACHINES | FURTHER_MACHINES


def check(name: str, machine: str, pauses: str, seed: int, directory: Path) -> None:
    case, architecture = CASES[name], ALL_MACHINES[machine]
    model, inputs = case.make()
    job = prepare(model, inputs, architecture, pauses, seed, directory)
    if case.spills:
        assert job.program.scratch_bytes > 0
    run_bench("sim.bench_tensors", architecture, directory)
    outcome = Outcome.read(directory)
    assert len(outcome.cycles) == job.images
    assert outcome.elements == sum(tensor.size for tensor in job.expected.values()) > 0
    assert outcome.bursts["ar"] > 0 and outcome.bursts["aw"] > 0


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", CASES)
def test_every_tensor_equals_golden(name, machine, tmp_path):
    check(name, machine, CASES[name].pauses, 1, tmp_path)


@pytest.mark.verify
@pytest.mark.parametrize("machine", ALL_MACHINES)
@pytest.mark.parametrize("pauses", PROFILES)
@pytest.mark.parametrize("name", CASES)
def test_every_tensor_equals_golden_however_the_buses_pause(name, pauses, machine, tmp_path):
    check(name, machine, pauses, 2, tmp_path)
