"""What `verify` makes of a run: counts per node, cycles, and a run that cannot be judged."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tcugen.registers import ErrorCode
from tcugen.simulator.run import MachineError, SimulationResult
from tcugen.verify import compare
from tcugen.verify.compare import VerificationError, verify
from tests.verify.right_run import RightRun

IMAGES = 2


@pytest.fixture(scope="module")
def run() -> RightRun:
    return RightRun.of("bottleneck", images=IMAGES)


@pytest.fixture
def simulated(run, monkeypatch):
    """The images as the simulator is made to return them; a test may spoil them."""
    images = [run.image_run(i) for i in range(IMAGES)]

    def simulate(program, rtl_dir, inputs, memory, progress, units):
        assert (program, rtl_dir, memory) == (run.program, Path("rtl"), "ddr")
        for i, image in enumerate(inputs):
            assert all(np.array_equal(image[name], tensor[i]) for name, tensor in run.inputs.items())
        return SimulationResult(tuple(images), memory, seconds=0.5, cpu_seconds=0.4)

    monkeypatch.setattr(compare, "simulate", simulate)
    return images


def verified(run: RightRun, **more):
    return verify(run.model, run.program, Path("rtl"), run.inputs, memory="ddr", **more)


def by_name(outcome):
    return {result.node.name: result for result in outcome.nodes}


def test_a_right_run_has_no_mismatches(run, simulated):
    stages = []
    outcome = verified(run, stage=stages.append)
    assert outcome.mismatches == outcome.output_mismatches == 0
    assert [result.node for result in outcome.nodes] == list(run.model.network.nodes)
    assert outcome.cycles == tuple(image.cycles for image in simulated)
    assert outcome.cycles_per_second == sum(outcome.cycles) / 0.5
    assert outcome.counters == simulated[-1].counters
    assert [line.split(":")[0] for line in stages] == ["golden", "emulator", "rtl"]
    for name, tensor in outcome.rtl.items():
        assert np.array_equal(tensor, run.golden[name]), name
    assert set(outcome.rtl) == set(run.program.tensors)


def test_cycles_belong_to_the_layer_and_a_fused_node_has_none(run, simulated):
    outcome = by_name(verified(run))
    firsts = {layer.nodes[0] for layer in run.program.layers}
    assert firsts < set(outcome), "nothing is fused: the test has no subject"
    for name, result in outcome.items():
        assert (result.cycles, result.busy) == ((12, 10) if name in firsts else (0, 0))
        assert result.stalls == ({"weights": 2} if name in firsts else {})
        assert result.fused == (name not in run.program.tensors)
        assert result.macs == run.model.network.macs(result.node)
        assert result.shape == run.model.network.shapes[name]


def test_elements_that_differ_on_the_rtl_are_counted_at_their_node(run, simulated):
    drains = simulated[1].drains
    (layer,) = [number for number, layer in enumerate(run.program.layers) if layer.tensor == "x2"]
    records = np.flatnonzero(drains["layer"] == layer)
    drains["data"][records[:5]] ^= 1
    outcome = verified(run)
    assert {name: r.rtl_mismatches for name, r in by_name(outcome).items() if r.rtl_mismatches} == {"x2": 10}
    assert all(result.emulator_mismatches == 0 for result in outcome.nodes)
    assert outcome.mismatches == 10
    assert np.count_nonzero(outcome.rtl["x2"][1] != run.golden["x2"][1]) == 10
    assert np.array_equal(outcome.rtl["x2"][0], run.golden["x2"][0])


def test_elements_that_differ_on_the_emulator_are_counted_at_their_node(run, simulated, monkeypatch):
    class Wrong(compare.Machine):
        def run(self, inputs):
            outputs = super().run(inputs)
            self.observed["p"] = self.observed["p"] ^ 1
            return outputs

    monkeypatch.setattr(compare, "Machine", Wrong)
    outcome = verified(run)
    wrong = {name: r.emulator_mismatches for name, r in by_name(outcome).items() if r.emulator_mismatches}
    assert wrong == {"p": run.golden["p"].size}
    assert outcome.mismatches == run.golden["p"].size


def test_an_output_that_memory_holds_otherwise_is_counted(run, simulated):
    simulated[0].outputs["s2"][0, :2, 0] ^= 1
    outcome = verified(run)
    assert outcome.output_mismatches == outcome.mismatches == 2
    assert all(result.rtl_mismatches == 0 for result in outcome.nodes)


def test_a_machine_that_stopped_cannot_be_judged(run, simulated):
    error = MachineError(ErrorCode.WINDOW, 0x1234)
    simulated[1] = dataclasses.replace(simulated[1], error=error)
    with pytest.raises(VerificationError, match=r"image 1: the machine stopped with error WINDOW \(address 0x1234\)"):
        verified(run)
