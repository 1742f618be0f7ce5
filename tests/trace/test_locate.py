"""The first difference in traces that are right but for what a test spoils in them."""

import numpy as np
import pytest

from tcugen.isa import Opcode
from tcugen.trace.difference import Kind
from tcugen.trace.locate import Sides, locate
from tcugen.trace.observe import observe
from tcugen.verify.stored import store_difference
from tests.typed import present
from tests.verify.right_run import RightRun

NAMES = ("chain", "adds", "grouped", "wide", "average", "bottleneck")


class Spoilt:
    """One image of a right run, to be spoilt and then searched."""

    def __init__(self, run: RightRun):
        self.run, self.program = run, run.program
        self.golden, self.emulated = run.expected(), run.emulated()
        self.drains, self.pools = run.traces()

    def first(self):
        return self.compare().first

    def compare(self):
        return locate(self.program, Sides(self.golden, self.emulated, self.drains, self.pools))

    def trace_of(self, tensor: str) -> np.ndarray:
        opcodes = {
            self.program.instructions[place.instruction].opcode
            for place in self.program.observations
            if place.tensor == tensor
        }
        return self.drains if opcodes == {Opcode.DRAIN} else self.pools

    def records_of(self, tensor: str) -> np.ndarray:
        """Indices into `trace_of(tensor)`."""
        layer = next(i for i, layer in enumerate(self.program.layers) if layer.tensor == tensor)
        return np.flatnonzero(self.trace_of(tensor)["layer"] == layer)

    def observed(self) -> dict[str, np.ndarray]:
        return observe(self.program, self.drains, self.pools).tensors

    def changed(self) -> dict[str, list[tuple[int, int, int]]]:
        """Elements of the traces' tensors that are not golden's, found without the code under test."""
        wrong = {name: np.argwhere(tensor != self.golden[name]) for name, tensor in self.observed().items()}
        return {name: [(int(k), int(y), int(x)) for k, y, x in found] for name, found in wrong.items() if len(found)}


@pytest.fixture(scope="module")
def runs():
    made: dict[tuple[str, bool], RightRun] = {}

    def run(name: str, int32_output: bool = False) -> Spoilt:
        if (name, int32_output) not in made:
            made[name, int32_output] = RightRun.of(name, int32_output=int32_output)
        return Spoilt(made[name, int32_output])

    return run


@pytest.mark.parametrize("name", NAMES)
def test_a_right_run_has_no_difference(runs, name):
    spoilt = runs(name)
    comparison = spoilt.compare()
    assert comparison.first is None
    assert not any(layer.differs for layer in comparison.layers)
    assert [layer.tensor for layer in comparison.layers] == [layer.tensor for layer in spoilt.program.layers]
    assert [layer.elements for layer in comparison.layers] == [
        spoilt.golden[layer.tensor].size for layer in spoilt.program.layers
    ]
    assert spoilt.changed() == {}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(6))
def test_one_wrong_byte_is_found_at_its_element(runs, name, seed):
    spoilt = runs(name, int32_output=name in ("chain", "average"))
    rng = np.random.default_rng(seed)
    trace = spoilt.pools if seed % 3 == 0 and spoilt.pools.size else spoilt.drains
    # Channels that the tensor does not have are written too: take another byte then.
    while not spoilt.changed():
        record, byte = rng.integers(trace.size), rng.integers(trace["data"].shape[1])
        trace["data"][record, byte] ^= 1 << int(rng.integers(8))
    ((tensor, (element,)),) = spoilt.changed().items()
    comparison = spoilt.compare()
    first = comparison.first
    assert (first.kind, first.tensor, first.element) == (Kind.RTL, tensor, element)
    assert first.golden == first.emulator == spoilt.golden[tensor][element]
    assert first.rtl == spoilt.observed()[tensor][element] != first.golden
    assert first.cycle == trace["cycle"][record]
    assert first.address == first.expected_address == trace["address"][record]
    assert first.nodes == spoilt.program.layers[first.layer].nodes
    assert spoilt.program.instructions[first.instruction]["layer"] == first.layer == trace["layer"][record]
    assert [layer.tensor for layer in comparison.layers if layer.differs] == [tensor]
    assert comparison.layers[first.layer].rtl == 1


def test_the_first_layer_comes_first_and_in_it_the_first_write(runs):
    spoilt = runs("chain")
    for tensor in ("c", "b"):
        records = spoilt.records_of(tensor)
        for record in records[[-1, len(records) // 2, len(records) // 3]]:
            spoilt.drains["data"][record] ^= 1
    comparison = spoilt.compare()
    records = spoilt.records_of("b")
    assert comparison.first.tensor == "b"
    assert comparison.first.cycle == spoilt.drains["cycle"][records[len(records) // 3]]
    counts = {layer.tensor: layer.rtl for layer in comparison.layers}
    assert counts == {name: len(spoilt.changed().get(name, ())) for name in counts}
    assert counts["a"] == 0 < min(counts["b"], counts["c"])


def test_write_and_tile_are_those_of_the_loops(runs):
    spoilt = runs("chain")
    place = next(
        place
        for place in spoilt.program.observations
        if place.tensor == "a" and spoilt.program.instructions[place.instruction]["n_columns"] == 3
    )
    instruction, lanes = spoilt.program.instructions[place.instruction], spoilt.program.architecture.output_lanes
    # Column group 2, output row 4, pixel 5, lane step 1 within this DRAIN; 4 steps of 2 lanes make 8 columns.
    n_y, n_x = instruction["n_y"], instruction["n_x"]
    write = ((2 * n_y + 4) * n_x + 5) * 4 + 1
    assert spoilt.program.instructions[place.instruction]["last_steps"] == 4
    spoilt.drains["data"][spoilt.records_of("a")[write], 0] ^= 1
    first = spoilt.first()
    assert (first.instruction, first.write) == (place.instruction, write)
    assert first.element == (place.channel0 + 2 * 8 + lanes, place.y0 + 4, place.x0 + 5)
    blocks = -(-n_y // instruction["block_rows"])
    block = 4 // instruction["block_rows"]
    assert (first.tile.group, first.tile.block, first.tile.number) == (2, block, 2 * blocks + block)


def test_values_of_32_bits_are_whole(runs):
    spoilt = runs("average", int32_output=True)
    record = spoilt.records_of("f")[-1]
    spoilt.drains["data"][record, 0] ^= 0x80
    first = spoilt.first()
    assert first.tensor == "f"
    assert spoilt.golden["f"].dtype == np.int32
    assert first.golden == spoilt.golden["f"][first.element]
    # The last write of a pixel holds the most significant bytes.
    assert abs(first.rtl - first.golden) == 0x80 << 24


def test_who_differs_is_told_from_the_values(runs):
    spoilt = runs("adds")
    spoilt.emulated["s"][0, 0, 0] ^= 1
    first = spoilt.first()
    assert (first.kind, first.tensor, first.element) == (Kind.EMULATOR, "s", (0, 0, 0))
    assert first.rtl == first.golden == spoilt.golden["s"][0, 0, 0] != first.emulator
    written = spoilt.trace_of("s")["data"][spoilt.records_of("s")[0]]
    written[0] ^= 1
    first = spoilt.first()
    assert (first.kind, first.element) == (Kind.PROGRAM, (0, 0, 0))
    assert first.rtl == first.emulator != first.golden
    written[0] ^= 2
    assert spoilt.first().kind == Kind.ALL
    counts = {layer.tensor: (layer.rtl, layer.emulator) for layer in spoilt.compare().layers}
    assert {name: count for name, count in counts.items() if count != (0, 0)} == {"s": (1, 1)}


def test_a_run_without_emulator_is_still_compared(runs):
    spoilt = runs("adds")
    spoilt.emulated = None
    assert spoilt.first() is None
    spoilt.drains["data"][spoilt.records_of("s")[0], 0] ^= 1
    comparison = spoilt.compare()
    assert (comparison.first.kind, comparison.first.emulator) == (Kind.RTL, None)
    assert all(layer.emulator is None for layer in comparison.layers)


def test_a_wrong_address_is_found_with_both_addresses(runs):
    spoilt = runs("chain")
    record = spoilt.records_of("b")[7]
    right = int(spoilt.drains["address"][record])
    spoilt.drains["address"][record] ^= 0x40
    comparison = spoilt.compare()
    first = comparison.first
    assert (first.kind, first.tensor, first.write) == (Kind.ADDRESS, "b", 7)
    assert (first.expected_address, first.address) == (right, right ^ 0x40)
    assert first.golden == first.rtl
    assert [(layer.tensor, layer.misplaced) for layer in comparison.layers if layer.differs] == [("b", 1)]


@pytest.mark.parametrize("written", [0, 1, 37])
def test_a_run_that_ends_early_is_located_at_the_first_write_that_is_missing(runs, written):
    spoilt = runs("chain")
    records = spoilt.records_of("b")
    spoilt.drains = spoilt.drains[: records[written]]
    comparison = spoilt.compare()
    first = comparison.first
    assert (first.kind, first.tensor, first.write, first.cycle, first.rtl) == (Kind.MISSING, "b", written, None, None)
    assert first.golden == spoilt.golden["b"][first.element]
    missing = {layer.tensor: (layer.rtl, layer.missing) for layer in comparison.layers}
    assert missing["a"] == (0, 0)
    assert missing["b"] == (0, spoilt.golden["b"].size - 2 * written)
    assert missing["c"] == (0, spoilt.golden["c"].size)


def test_what_was_written_wrong_comes_before_what_was_never_written(runs):
    spoilt = runs("chain")
    records = spoilt.records_of("b")
    spoilt.drains["data"][records[3], 0] ^= 1
    spoilt.drains = spoilt.drains[: records[9]]
    first = spoilt.first()
    assert (first.kind, first.write) == (Kind.RTL, 3)


def test_a_write_too_many_is_found(runs):
    spoilt = runs("chain")
    again = spoilt.records_of("b")[-1]
    spoilt.drains = np.insert(spoilt.drains, again, spoilt.drains[again])
    first = spoilt.first()
    assert (first.kind, first.tensor, first.element) == (Kind.SURPLUS, "b", None)
    assert first.cycle == spoilt.drains["cycle"][again]


def test_a_write_of_an_unknown_layer_is_found(runs):
    spoilt = runs("chain")
    extra = spoilt.drains[-1:].copy()
    extra["layer"] = 77
    spoilt.drains = np.concatenate([spoilt.drains, extra])
    first = spoilt.first()
    assert (first.kind, first.layer, first.tensor, first.nodes) == (Kind.SURPLUS, 77, None, None)
    assert first.address == extra["address"][0]


@pytest.mark.parametrize("int32_output", [False, True])
def test_an_output_that_memory_holds_otherwise_is_found(runs, int32_output):
    spoilt = runs("chain", int32_output)
    (port,) = spoilt.program.outputs
    assert store_difference(spoilt.program, spoilt.golden, {"c": spoilt.golden["c"]}, 0) is None
    image = spoilt.golden["c"].copy()
    image[7, 3, 2] += 1
    found = present(store_difference(spoilt.program, spoilt.golden, {"c": image}, 4))
    assert (found.kind, found.image, found.tensor, found.element) == (Kind.STORE, 4, "c", (7, 3, 2))
    assert (found.golden, found.rtl) == (spoilt.golden["c"][7, 3, 2], image[7, 3, 2])
    # The only byte of the window that changes for the last byte of this element.
    marked = np.arange(port.layout.bytes) == present(found.expected_address) - port.offset
    assert np.argwhere(port.layout.unpack(marked.astype(np.uint8)))[0].tolist() == [7, 3, 2]
    store = spoilt.program.instructions[present(found.instruction)]
    assert store.opcode == Opcode.STORE and store["layer"] == found.layer
