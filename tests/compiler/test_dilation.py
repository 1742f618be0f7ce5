"""Dilated convolutions: the emulator's integers are golden's, on machines small enough to cut them up."""

import numpy as np
import pytest
import torch

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.emulator import Machine
from tcugen.golden.network import accumulate
from tcugen.isa import Opcode
from tcugen.network.operators import Conv
from tcugen.synthetic.integers import synthesise
from tests.compiler.dilated_networks import DILATED
from tests.typed import typed

MACHINES = {
    "4x4": Architecture(rows=4, columns=4, output_lanes=1, activation_kib=64, accumulator_depth=64, weight_tiles=16),
    "8x4": Architecture(rows=8, columns=4, output_lanes=2, activation_kib=16, accumulator_depth=32, weight_tiles=16),
    "stripes": Architecture(rows=4, columns=8, output_lanes=4, activation_kib=4, bus_bytes=4, accumulator_depth=32),
}


CASES = [(name, machine, False) for name in DILATED for machine in MACHINES]
SUMS = [(name, "4x4", True) for name in ("both", "strides", "groups")]


@pytest.mark.parametrize("name, machine, int32_output", [*CASES, *SUMS])
def test_emulator_and_golden_agree(name, machine, int32_output):
    model, inputs = synthesise(DILATED[name], 7, 1, int32_output)
    program = compile_network(model, MACHINES[machine])
    expected = golden.run(model, inputs)
    made = Machine(program).run({"image": inputs["image"][0]})
    for tensor, array in made.items():
        assert np.array_equal(array, expected[tensor][0])
        assert len(np.unique(array)) > 4


def test_golden_is_the_convolution_with_zeros_between_the_taps():
    model, inputs = synthesise(DILATED["strides"], 7, 1)
    (node,) = model.network.nodes
    node = typed(Conv, node)
    weight, bias = model.integers_of(node).weight, model.integers_of(node).bias
    spread = np.zeros((9, 6, 5, 7), np.int64)
    spread[:, :, ::2, ::3] = weight
    z_x = model.zero_point("image")
    padded = np.pad(inputs["image"][0].astype(np.int64) - z_x, ((0, 0), (1, 3), (4, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 7), (1, 2))[:, ::2]
    sums = np.einsum("cyxab,ocab->oyx", windows, spread) + bias.reshape(-1, 1, 1)
    made = accumulate(node, weight, bias, torch.as_tensor(inputs["image"]), z_x)
    assert np.array_equal(made[0].numpy(), sums)


def test_no_dilation_is_the_program_of_old():
    """One COMPUTE has all kernel rows unless rows are left out between them."""
    model, _ = synthesise(DILATED["columns"], 7, 1)
    program = compile_network(model, MACHINES["4x4"])
    taps = [one["n_ky"] for one in program.instructions if one.opcode == Opcode.COMPUTE]
    assert set(taps) == {3}
