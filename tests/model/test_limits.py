"""The largest multiplier of an add is one number for the rule, files, golden, compiler, instruction and emulator."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler.compile import compile_network
from tcugen.emulator.machine import Machine
from tcugen.isa import SHARED_FIELDS, Opcode
from tcugen.mapping.errors import CompileError
from tcugen.model.errors import ModelError
from tcugen.model.integers import AddIntegers
from tcugen.model.limits import ADD_MULTIPLIER_BITS, ADD_RATIO_EXPONENTS, MAX_ADD_MULTIPLIER
from tcugen.model.multipliers import add_multipliers
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.store import MANIFEST, load, save
from tcugen.model.validate import validate
from tcugen.network.check import checked_network
from tcugen.network.operators import Add, Conv
from tcugen.network.shape import Shape
from tcugen.synthetic.integers import synthesise

ARCHITECTURE = Architecture(rows=8, columns=8, activation_kib=4)


def model_with(multipliers: tuple[int, int]) -> tuple[QuantizedNetwork, dict[str, np.ndarray]]:
    """The sum of an image and its convolution, with these multipliers, and an image."""
    nodes = (Conv("conv", ("image",), 8, (1, 1)), Add("sum", ("conv", "image")))
    model, inputs = synthesise(checked_network("sum", (("image", Shape(8, 16, 16)),), nodes), seed=1)
    add = AddIntegers(multipliers, ADD_MULTIPLIER_BITS, (-128, 127))
    return replace(model, integers=model.integers | {"sum": add}), inputs


@pytest.mark.parametrize(
    "multipliers",
    [(MAX_ADD_MULTIPLIER, MAX_ADD_MULTIPLIER), (MAX_ADD_MULTIPLIER, 1 << 8), (1 << 8, MAX_ADD_MULTIPLIER)],
)
def test_the_largest_multiplier_is_stored_compiled_and_executed(multipliers, tmp_path):
    model, inputs = model_with(multipliers)
    save(model, tmp_path / "model.npz")
    loaded = load(tmp_path / "model.npz")
    assert vars(loaded.integers["sum"]) == vars(model.integers["sum"])
    program = compile_network(loaded, ARCHITECTURE)
    drains = [instruction for instruction in program.instructions if instruction.opcode is Opcode.DRAIN]
    assert {drain.fields["add_multiplier"] for drain in drains} == {multipliers[0]}
    assert {drain.fields["residual_multiplier"] for drain in drains} == {multipliers[1]}
    got = Machine(program).run({"image": inputs["image"][0]})
    assert np.array_equal(got["sum"], golden.run(model, inputs)["sum"][0])


@pytest.mark.parametrize("place", [0, 1])
def test_one_more_is_refused_by_model_file_and_compiler(place, tmp_path):
    pair = [1 << 20, 1 << 20]
    pair[place] = MAX_ADD_MULTIPLIER + 1
    model, _ = model_with((pair[0], pair[1]))
    with pytest.raises(ModelError, match=r"node 'sum': its ratios are .* two integers of 24 bits"):
        validate(model)
    with pytest.raises(CompileError, match=r"node 'sum': ratio 16777216 / 2\*\*24 .* in 24 bits"):
        compile_network(model, ARCHITECTURE)
    path = tmp_path / "model.npz"
    with pytest.raises(ModelError, match="node 'sum': its ratios"):
        save(model, path)
    save(model_with((1 << 20, 1 << 20))[0], path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    manifest = json.loads(arrays[MANIFEST].tobytes())
    manifest["nodes"][1]["add_multipliers"] = pair
    arrays[MANIFEST] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(ModelError, match="model.npz: node 'sum': its ratios"):
        load(path)


def test_the_instruction_holds_it():
    fields = {field.name: field for field in SHARED_FIELDS[Opcode.DRAIN]}
    assert fields["add_multiplier"].bits == fields["residual_multiplier"].bits == ADD_MULTIPLIER_BITS


def test_no_pair_of_scales_gives_more():
    """The larger ratio has 24 bits itself; the smaller one, just below a power of two, is rounded up, but to less."""
    ends = [np.float32(2.0**exponent) for exponent in range(ADD_RATIO_EXPONENTS[0], ADD_RATIO_EXPONENTS[1] + 1)]
    below = [np.nextafter(end, np.float32(0)) for end in ends]
    scales = [
        scale for scale in (*ends, *below) if 2.0 ** ADD_RATIO_EXPONENTS[0] <= scale < 2.0 ** ADD_RATIO_EXPONENTS[1]
    ]
    found = {m for a in scales for b in scales for m in add_multipliers(a, b, 1.0, layer="sum")[:2]}
    assert max(found) == MAX_ADD_MULTIPLIER and min(found) == 1
