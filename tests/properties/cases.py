"""One random case: a small network, an architecture and the data, and how it is judged."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler import CompileError, compile_network
from tcugen.emulator import Machine
from tcugen.model import multipliers
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.activation import limits_of
from tcugen.network.graph import Network
from tcugen.network.operators import Table, activation_of, keeps_quantization
from tcugen.network.scales import scale_groups
from tcugen.program import Program
from tcugen.synthetic.integers import synthesise
from tcugen.verify.compare import verify
from tests.properties.extremes import with_extreme_integers


@dataclass(frozen=True)
class Case:
    """A network and how its integers are made.

    Attributes:
        network: Tensors that nobody reads are outputs; there may be several.
        seed: Of weights, biases, scales and inputs.
        zero_points: By tensor name; the others keep what `synthesise` gave them.
        int32_output: The last node stores its 32-bit sums.
        extreme: Multipliers, ratios and biases are at the ends of what is allowed.
    """

    network: Network
    seed: int = 0
    zero_points: tuple[tuple[str, int], ...] = ()
    int32_output: bool = False
    extreme: bool = False

    def data(self) -> tuple[QuantizedNetwork, dict[str, np.ndarray]]:
        """The quantized network and int8 [1, C, H, W] by name of network input."""
        model, inputs = synthesise(self.network, self.seed, int32_output=self.int32_output)
        model = _with_zero_points(model, dict(self.zero_points))
        return with_extreme_integers(model, self.seed) if self.extreme else model, inputs


def _with_zero_points(model: QuantizedNetwork, zero_points: dict[str, int]) -> QuantizedNetwork:
    """The model with other zero points: many of its values saturate then, which is as good a test."""
    tensors, integers, groups = dict(model.tensors), dict(model.integers), scale_groups(model.network)
    for name, zero_point in zero_points.items():
        if (before := tensors[name]) is not None and name not in model.network.unrounded:
            tensors[name] = Quantization(before.scale, zero_point)
    tensors |= {name: tensors[first] for name, first in groups.items()}
    for node in model.network.nodes:
        if keeps_quantization(node):
            continue
        if node.name in model.network.unrounded:
            continue  # nothing rounds it
        if (quantization := tensors[node.name]) is not None and not isinstance(node, Table):
            limits = multipliers.clamp_limits(
                limits_of(activation_of(node)), quantization.scale, quantization.zero_point
            )
            integers[node.name] = replace(integers[node.name], clamp=limits)
    return QuantizedNetwork(model.network, tensors, integers)


def compiled(model: QuantizedNetwork, architecture: Architecture) -> Program | None:
    """The program, or None where the activation memory is too small; any other refusal is raised."""
    try:
        return compile_network(model, architecture)
    except CompileError as error:
        text = str(error)
        names = [f"node '{node.name}': needs " for node in model.network.nodes]
        if not text.startswith(tuple(names)) or "raise activation_kib to" not in text:
            raise
        return None


def emulated(case: Case, architecture: Architecture) -> int:
    """Elements compared, 0 if the case cannot be compiled; fails if one of the emulator's tensors is not golden's."""
    model, inputs = case.data()
    program = compiled(model, architecture)
    if program is None:
        return 0
    expected = golden.run(model, inputs)
    machine = Machine(program)
    outputs = machine.run({name: images[0] for name, images in inputs.items()}, fill=0xA5)
    assert set(machine.observed) == set(program.tensors)
    for name, tensor in (*machine.observed.items(), *outputs.items()):
        np.testing.assert_array_equal(tensor, expected[name][0], err_msg=name)
    return sum(expected[name][0].size for name in machine.observed)


def simulated(case: Case, architecture: Architecture, rtl: Path) -> int:
    """Elements compared, 0 if the case cannot be compiled; fails if one of the RTL's or the emulator's differs."""
    model, inputs = case.data()
    program = compiled(model, architecture)
    if program is None:
        return 0
    outcome = verify(model, program, rtl, inputs)
    wrong = {r.node.name: (r.emulator_mismatches, r.rtl_mismatches) for r in outcome.nodes if r.rtl_mismatches}
    assert outcome.mismatches == 0, wrong
    return sum(tensor.size for tensor in outcome.rtl.values())
