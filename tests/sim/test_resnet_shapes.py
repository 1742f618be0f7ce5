"""The true shapes of ResNet-50 and its relatives on few pixels, while all channels of both buses pause at random.

Golden tensors are compared bit for bit. Whole images run through the C++ harness, see tests/regression.
"""

from pathlib import Path

import numpy as np
import pytest

from sim.architectures import FURTHER_MACHINES, LARGE, MACHINES
from sim.job import Job, Outcome
from sim.pauses import PROFILES
from sim.resnet_cases import CASES, CORNER_CASES, corner_data, estimated_cycles, few_pixels
from sim.run import prepare, run_bench
from sim.spread import MIN_ELEMENTS, flaws
from tcugen.network.graph import Network
from tcugen.network.resnets import bundled_network
from tcugen.network.select import select
from tcugen.synthetic.integers import synthesise

ALL_MACHINES = MACHINES | LARGE | FURTHER_MACHINES

MOST_CYCLES = {"8x8": 45_000, "4x4": 20_000, "4x8_wide": 20_000}
"""Largest estimate of a case that runs on a small machine: a second simulates about ten thousand cycles."""

PAUSING = [name for name, profile in PROFILES.items() if profile.share]

WHOLE = {
    "conv-3x32x32-16x32x32-k3x3s1x1p1": select(bundled_network("resnet20"), ["conv1"]),
    "conv-32x16x16-64x8x8-k3x3s2x2p1": select(bundled_network("resnet20"), ["layer3.0.conv1"]),
    "conv-64x8x8-64x8x8-k3x3s1x1p1": select(bundled_network("resnet20"), ["layer3.1.conv2"]),
}
"""Layers that are small enough to be simulated whole in seconds."""

NAMES = [*CASES, *CORNER_CASES, *WHOLE]


def part_of(name: str) -> Network:
    """The network that a case runs."""
    if name in WHOLE:
        return WHOLE[name]
    return few_pixels(CASES[CORNER_CASES[name][0] if name in CORNER_CASES else name])


def pauses_of(name: str, machine: str) -> str:
    """Profile of the pauses: all in turn over the cases, and another one on the next machine."""
    return PAUSING[(NAMES.index(name) + list(ALL_MACHINES).index(machine)) % len(PAUSING)]


def fitting(machine: str) -> list[str]:
    """Cases that are short enough for the machine."""
    return [name for name in NAMES if estimate(name, machine) <= MOST_CYCLES[machine]]


def estimate(name: str, machine: str) -> int:
    return estimated_cycles(part_of(name), ALL_MACHINES[machine], PROFILES[pauses_of(name, machine)].share)


def check(name: str, machine: str, directory: Path) -> None:
    """One simulation, with the case's number as seed of data and pauses."""
    architecture, part, seed = ALL_MACHINES[machine], part_of(name), NAMES.index(name)
    if name in CORNER_CASES:
        model, inputs = corner_data(part, *CORNER_CASES[name][1:])
    else:
        model, inputs = synthesise(part, seed)
    job = prepare(model, inputs, architecture, pauses_of(name, machine), seed, directory)
    check_data(name, job)
    run_bench("sim.bench_tensors", architecture, directory)
    outcome = Outcome.read(directory)
    assert outcome.elements == elements(job), f"compared {outcome.elements} of {elements(job)} elements"
    assert len(outcome.cycles) == job.images
    assert outcome.bursts["ar"] > 0 and outcome.bursts["aw"] > 0


def elements(job: Job) -> int:
    return sum(tensor.size for tensor in job.expected.values())


def check_data(name: str, job: Job) -> None:
    """Requires golden tensors whose comparison proves something."""
    network = part_of(name)
    assert elements(job) > 0, f"{name} compares no element"
    last = job.expected[job.program.outputs[0].tensor]
    assert last.shape[1] == network.shapes[network.nodes[-1].name].channels
    assert len(np.unique(last)) > 1, f"all elements that {name} compares are equal"
    if name not in CORNER_CASES:
        large = {node: tensor for node, tensor in job.expected.items() if tensor.size >= MIN_ELEMENTS}
        assert not flaws(network, large)


def test_every_kind_of_case_is_short_enough_for_8x8():
    kinds = {name.partition("-")[0] for name in fitting("8x8")}
    assert kinds >= {"conv", "stem", "bottleneck", "basic", "cifar", "resnext"}
    assert {*WHOLE} <= {*fitting("8x8")}
    assert sum(name in CORNER_CASES for name in fitting("8x8")) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", fitting("8x8"))
def test_short_cases_on_8x8(name, tmp_path):
    check(name, "8x8", tmp_path)


@pytest.mark.verify
@pytest.mark.parametrize(
    "machine, name", [(machine, name) for machine in ("4x4", "4x8_wide") for name in fitting(machine)]
)
def test_short_cases_on_smaller_machines(machine, name, tmp_path):
    check(name, machine, tmp_path)


@pytest.mark.verify
@pytest.mark.parametrize("name", NAMES)
def test_all_cases_on_16x16(name, tmp_path):
    check(name, "16x16", tmp_path)
