"""Estimates of the time left."""

import dataclasses

import pytest

from tcugen.isa import Instruction, Opcode
from tcugen.program import Layer
from tcugen.simulator.progress import Progress, ProgressMeter, layer_cycles
from tests.simulator.copy_machine import copy_program


@pytest.fixture
def two_layers(architecture):
    """A program whose array needs 1000 cycles in layer 0 and 3000 in layer 1."""

    def compute(layer: int, n_x: int) -> Instruction:
        loops = {"n_columns": 2, "n_y": 5, "n_x": n_x, "n_groups": 2, "n_ky": 1, "n_kx": 1}
        return Instruction(Opcode.COMPUTE, {"layer": layer, **loops})

    return dataclasses.replace(
        copy_program(architecture),
        instructions=(compute(0, 50), compute(1, 100), compute(1, 50), Instruction(Opcode.END, {"layer": 1})),
        layers=(Layer(("conv1", "relu1"), "conv1"), Layer(("conv2",), "conv2")),
    )


def meter_at(program, images, seconds):
    """A meter whose clock reads 0 at its start and then the given seconds."""
    times = iter([0.0, *seconds])
    seen: list[Progress] = []
    return ProgressMeter(program, images, seen.append, clock=lambda: next(times)), seen


def test_layer_cycles_are_the_operands_of_its_computes(two_layers):
    assert layer_cycles(two_layers) == [1000, 3000]


def test_time_left_follows_the_rate(two_layers):
    meter, seen = meter_at(two_layers, 1, [2.0])
    meter.update(0, 2000, 1)
    assert seen == [Progress(0, 1, 2000, 1, "conv2", 1000.0, 2.0)]


def test_slow_layers_slow_the_estimate(two_layers):
    meter, seen = meter_at(two_layers, 1, [2.0])
    meter.update(0, 2000, 0)  # at most 1000 operands are still to come, so every one took two cycles
    assert seen[0].layer_name == "relu1"
    assert seen[0].seconds_left == pytest.approx(6.0)


def test_images_to_come_count(two_layers):
    meter, seen = meter_at(two_layers, 3, [4.0, 6.0])
    meter.update(0, 4000, 1)
    meter.update(1, 2000, 1)
    assert seen[0].seconds_left == pytest.approx(8.0)
    assert seen[1].cycles_per_second == pytest.approx(1000.0)
    assert seen[1].seconds_left == pytest.approx(6.0)


def test_nothing_done_gives_no_estimate_but_no_error(two_layers):
    meter, seen = meter_at(two_layers, 1, [0.0])
    meter.update(0, 0, 0)
    assert seen[0].seconds_left == 0.0
