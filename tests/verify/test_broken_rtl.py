"""Emitted Verilog with one line altered: the diagnosis names the layer, element and instruction that suffer first."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler.compile import compile_network
from tcugen.isa import Opcode
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv, MaxPool
from tcugen.rtl.emit import emit
from tcugen.synthetic.integers import synthesise
from tcugen.trace.difference import Kind
from tcugen.verify.diagnose import diagnose, record_waves
from tests.typed import present

pytestmark = pytest.mark.slow

ARCHITECTURE = Architecture(
    rows=4,
    columns=4,
    output_lanes=2,
    activation_kib=16,
    accumulator_depth=64,
    weight_tiles=64,
    parameter_groups=8,
)

FAULTS = {
    # Lane 1 of the requantiser cuts where it should round.
    "rounding": (r"lane1_fixed\[11\] &", "1'h0 &"),
    # Padding bytes are 0 whatever the zero point is.
    "padding": (r"\boperand_pad_1 <= operand_request_pad\b", "operand_pad_1 <= 8'h0"),
    # What waits for the output path waits for ever.
    "hang": (r"completed_drain >= ((?:o_payload_)?wait_drain)\b", r"!(|\1)"),
}


@pytest.fixture(scope="module")
def job():
    """Model, program, inputs; the pointwise layer in front has no padding, so not every fault shows in layer 0."""
    network = Network(
        name="four_layers",
        inputs=(("image", Shape(5, 9, 8)),),
        nodes=(
            Conv("point", ("image",), 8, (1, 1), activation="relu"),
            Conv("conv", ("point",), 10, (3, 3), (1, 1), (1, 1, 1, 1)),
            MaxPool("maxpool", ("conv",), kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)),
            Conv("head", ("maxpool",), 6, (1, 1)),
        ),
    )
    model, inputs = synthesise(network, seed=3)
    return model, compile_network(model, ARCHITECTURE), inputs


@pytest.fixture(scope="module")
def right_rtl(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("right")
    emit(ARCHITECTURE, directory)
    return directory


@pytest.fixture(scope="module")
def cache_dir(pytestconfig) -> Path:
    return pytestconfig.cache.mkdir("tcugen-simulators")


@pytest.fixture
def broken(right_rtl, tmp_path):
    """A copy of the right Verilog with one fault."""

    def copy(fault: str) -> Path:
        directory = tmp_path / fault
        shutil.copytree(right_rtl, directory)
        path = directory / "tcu_top.v"
        text, count = re.subn(*FAULTS[fault], path.read_text())
        assert count, f"the Verilog has no line for the fault {fault!r}"
        path.write_text(text)
        return directory

    return copy


@pytest.fixture
def found(job, cache_dir):
    model, program, inputs = job
    return lambda rtl: diagnose(model, program, rtl, inputs, cache_dir=cache_dir)


def check_place(job, first):
    """What the difference says of its place agrees with program and golden."""
    model, program, inputs = job
    assert first.golden == first.emulator == golden.run(model, inputs)[first.tensor][(0, *first.element)]
    instruction = program.instructions[first.instruction]
    assert instruction.opcode == Opcode.DRAIN and instruction["layer"] == first.layer
    assert first.tile.group == first.element[0] // ARCHITECTURE.columns
    assert first.expected_address == first.address


def test_wrong_rounding_shows_by_one_step_in_one_lane_and_waves_show_the_write(job, broken, found, cache_dir, tmp_path):
    _, program, inputs = job
    rtl = broken("rounding")
    diagnosis = found(rtl)
    first = diagnosis.first
    assert (first.kind, first.layer) == (Kind.RTL, 0)
    assert first.element[0] % ARCHITECTURE.output_lanes == 1
    assert abs(first.rtl - first.golden) == 1
    check_place(job, first)
    assert all(layer.rtl for layer in diagnosis.layers)  # the fault spreads

    path = tmp_path / "fault.vcd"
    record_waves(program, rtl, inputs, diagnosis.focus, path, cache_dir=cache_dir)
    text = path.read_text()
    times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert times[0] >= 2 * diagnosis.focus.first
    assert times[-1] < 2 * (diagnosis.focus.first + diagnosis.focus.cycles)
    assert value_at(text, "trace_drain_valid", 2 * first.cycle) == 1
    assert value_at(text, "trace_drain_address", 2 * first.cycle) == first.address
    written = value_at(text, "trace_drain_data", 2 * first.cycle).to_bytes(ARCHITECTURE.output_lanes, "little")
    assert np.frombuffer(written, np.int8)[1] == first.rtl


def value_at(text: str, name: str, time: int) -> int:
    """Value of the first signal called `name` in a VCD file at a time."""
    code = present(re.search(rf"\$var \w+\s+\d+ (\S+) {name}\b", text))[1]
    value, now = None, 0
    for line in text.splitlines():
        if line.startswith("#"):
            now = int(line[1:])
        if now > time:
            break
        if line.startswith("b") and line.endswith(f" {code}"):
            value = int(line[1:].split()[0], 2)
        elif line in (f"0{code}", f"1{code}"):
            value = int(line[0])
    return present(value)


def test_wrong_padding_shows_first_at_the_border_of_the_first_padded_layer(job, broken, found):
    diagnosis = found(broken("padding"))
    first = diagnosis.first
    assert (first.kind, first.tensor, first.layer) == (Kind.RTL, "conv", 1)
    assert first.element[1] == 0  # the first row, whose taps lie outside
    check_place(job, first)
    assert diagnosis.layers[0].rtl == 0
    assert 0 < diagnosis.layers[1].rtl <= 10 * (72 - 7 * 6)  # the inside is right


def test_a_hang_is_located_at_the_first_write_that_did_not_come(job, broken, found):
    _, program, _ = job
    diagnosis = found(broken("hang"))
    assert "CORE_HUNG" in diagnosis.stopped
    first = diagnosis.first
    assert (first.kind, first.rtl, first.cycle, first.write) == (Kind.MISSING, None, None, 0)
    # The first instruction to write that waits for the output path.
    waiting = [
        place
        for place in program.observations
        if program.instructions[place.instruction]["wait_drain"]
        or any(
            other.opcode == Opcode.COMPUTE and other["layer"] == program.instructions[place.instruction]["layer"]
            for other in program.instructions[: place.instruction]
            if other["wait_drain"]
        )
    ]
    assert first.instruction == waiting[0].instruction
    assert diagnosis.layers[first.layer].missing == diagnosis.layers[first.layer].elements
    assert diagnosis.cycles == ()
