"""Tensors from synthetic traces: a plain loop makes the writes, `observe` must put them back."""

import dataclasses
import time

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode
from tcugen.program import Layer, Observation, Program, TensorLayout
from tcugen.simulator.run import trace_dtype
from tcugen.trace.observe import ObservationError, observe

ARCHITECTURE = Architecture(rows=8, columns=8, output_lanes=2, activation_kib=128)
END = Instruction(Opcode.END, {})
BACKGROUND = 7
"""What padding bytes hold, to be told from elements."""


def plane_layout(channels: int, height: int, width: int, int32: bool = False, word: int = 8) -> TensorLayout:
    return TensorLayout(channels, height, width, word, word, width * word, height * width * word, int32)


def drain_for(layout: TensorLayout, layer: int = 0, base: int = 0, block_rows: int = 2, **fields: int) -> Instruction:
    """A DRAIN that writes all of a tensor."""
    lanes, columns = ARCHITECTURE.output_lanes, ARCHITECTURE.columns
    n_columns = -(-layout.channels // columns)
    last = layout.channels - (n_columns - 1) * columns
    values = {
        "layer": layer,
        "out_base": base,
        "out_plane_step": layout.plane_bytes,
        "out_y_step": layout.row_bytes,
        "out_x_step": layout.pixel_bytes,
        "n_columns": n_columns,
        "n_y": layout.height,
        "n_x": layout.width,
        "block_rows": block_rows,
        "last_steps": -(-last // lanes),
        "int32": int(layout.int32),
        "byte_step": layout.byte_step if layout.int32 else 0,
    }
    return Instruction(Opcode.DRAIN, values | fields)


def program_of(tensors, instructions, observations, layers: int = 1, architecture=ARCHITECTURE) -> Program:
    return Program(
        architecture=architecture,
        network="synthetic",
        mac_count=0,
        instructions=tuple(instructions),
        weights=np.zeros(0, np.uint8),
        inputs=(),
        outputs=(),
        input_bytes=0,
        output_bytes=0,
        scratch_bytes=0,
        layers=tuple(Layer((f"node{i}",), f"node{i}") for i in range(layers)),
        tensors=tensors,
        observations=tuple(observations),
    )


def drain_writes(instruction: Instruction, observation: Observation, tensor: np.ndarray, architecture=ARCHITECTURE):
    """The writes of a DRAIN as the instruction set defines its loops, one (address, bytes) after the other."""
    rows, columns, lanes = architecture.rows, architecture.columns, architecture.output_lanes
    for column in range(instruction["n_columns"]):
        last = column == instruction["n_columns"] - 1
        steps = instruction["last_steps"] if last else columns // lanes
        for y0 in range(0, instruction["n_y"], instruction["block_rows"]):
            for y in range(y0, min(y0 + instruction["block_rows"], instruction["n_y"])):
                for x in range(instruction["n_x"]):
                    for plane in range(4 if instruction["int32"] else 1):
                        for step in range(steps):
                            channel = instruction["channel0"] + column * columns + step * lanes
                            address = (
                                instruction["out_base"]
                                + x * instruction["out_x_step"]
                                + y * instruction["out_y_step"]
                                + (channel // rows) * instruction["out_plane_step"]
                                + channel % rows
                                + plane * instruction["byte_step"]
                            )
                            data = []
                            for lane in range(lanes):
                                c = observation.channel0 + column * columns + step * lanes + lane
                                c += x * observation.x_channels
                                column_x = observation.x0 + (0 if observation.x_channels else x)
                                inside = c < tensor.shape[0]
                                value = int(tensor[c, observation.y0 + y, column_x]) if inside else BACKGROUND
                                data.append(value >> 8 * plane & 255)
                            yield address % 2**24, data


def trace_of(writes, layer: int, data_bytes: int, first_cycle: int = 100) -> np.ndarray:
    records = np.zeros(len(writes), trace_dtype(data_bytes))
    records["cycle"] = first_cycle + np.arange(len(writes))
    records["address"] = [address for address, _ in writes]
    records["data"] = np.array([data for _, data in writes]).reshape(-1, data_bytes)
    records["layer"] = layer
    return records


def random_tensor(layout: TensorLayout, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    dtype = np.int32 if layout.int32 else np.int8
    limits = np.iinfo(dtype)
    shape = (layout.channels, layout.height, layout.width)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


NO_POOLS = np.zeros(0, trace_dtype(ARCHITECTURE.rows))


@pytest.mark.parametrize("channels", [1, 2, 5, 8, 9, 13, 16, 24, 31])
@pytest.mark.parametrize("int32", [False, True])
def test_a_drained_tensor_is_seen_whole(channels, int32):
    layout = plane_layout(channels, 5, 3, int32)
    tensor = random_tensor(layout)
    drain, observation = drain_for(layout, base=2**24 - 40), Observation(0, "t")
    drains = trace_of(list(drain_writes(drain, observation, tensor)), 0, 2)
    observed = observe(program_of({"t": layout}, [drain, END], [observation]), drains, NO_POOLS)
    assert observed.tensors["t"].dtype == tensor.dtype
    assert np.array_equal(observed.tensors["t"], tensor)
    assert observed.last_cycle == {0: 100 + drains.size - 1}


def test_boxes_of_one_tensor_fit_together():
    layout = plane_layout(12, 6, 4)
    tensor = random_tensor(layout)
    instructions, observations, traces = [], [], []
    for y0, n_y in ((0, 4), (4, 2)):
        for channel, last_steps in ((0, 4), (8, 2)):
            fields = {"out_base": y0 * layout.row_bytes + channel // 8 * layout.plane_bytes, "n_y": n_y}
            instruction = drain_for(layout, layer=3, **fields, n_columns=1, last_steps=last_steps)
            observation = Observation(len(instructions), "t", channel0=channel, y0=y0)
            traces.append(trace_of(list(drain_writes(instruction, observation, tensor)), 3, 2, 1000 * len(traces)))
            instructions.append(instruction)
            observations.append(observation)
    program = program_of({"t": layout}, [*instructions, END], observations)
    observed = observe(program, np.concatenate(traces), NO_POOLS)
    assert np.array_equal(observed.tensors["t"], tensor)
    assert observed.last_cycle == {3: 3000 + traces[-1].size - 1}


def test_a_group_may_start_inside_a_word():
    layout = plane_layout(8, 2, 3)
    tensor = random_tensor(layout)
    halves = [
        (drain_for(layout, n_columns=1, last_steps=2, channel0=channel), Observation(i, "t", channel0=channel))
        for i, channel in enumerate((0, 4))
    ]
    drains = np.concatenate([trace_of(list(drain_writes(d, o, tensor)), 0, 2) for d, o in halves])
    assert list(drains["address"][[0, 1, drains.size // 2]]) == [0, 2, 4]
    program = program_of({"t": layout}, [*(d for d, _ in halves), END], [o for _, o in halves])
    assert np.array_equal(observe(program, drains, NO_POOLS).tensors["t"], tensor)


def test_pixels_may_stand_for_channels():
    layout = plane_layout(40, 1, 1)
    tensor = random_tensor(layout)
    drain = drain_for(layout, n_columns=1, n_x=5, last_steps=4, out_x_step=8)
    observation = Observation(0, "t", x_channels=8)
    drains = trace_of(list(drain_writes(drain, observation, tensor)), 0, 2)
    observed = observe(program_of({"t": layout}, [drain, END], [observation]), drains, NO_POOLS)
    assert np.array_equal(observed.tensors["t"], tensor)


def test_a_pooled_tensor_is_seen_whole():
    layout = plane_layout(20, 3, 5)
    tensor = random_tensor(layout)
    pool = Instruction(
        Opcode.POOL,
        {
            "layer": 2,
            "out_base": 64,
            "n_groups": 3,
            "n_y": 3,
            "n_x": 5,
            "out_group_step": layout.plane_bytes,
            "out_row_step": layout.row_bytes,
        },
    )
    image = layout.pack(tensor)
    addresses = [
        g * layout.plane_bytes + y * layout.row_bytes + 8 * x for g in range(3) for y in range(3) for x in range(5)
    ]
    pools = trace_of([(64 + at, image[at : at + 8]) for at in addresses], 2, 8)
    drains = np.zeros(0, trace_dtype(2))
    observed = observe(program_of({"t": layout}, [pool, END], [Observation(0, "t")]), drains, pools)
    assert np.array_equal(observed.tensors["t"], tensor)
    assert observed.last_cycle == {2: 144}


@pytest.fixture
def drained():
    layout = plane_layout(8, 2, 2)
    drain, observation = drain_for(layout), Observation(0, "t")
    drains = trace_of(list(drain_writes(drain, observation, random_tensor(layout))), 0, 2)
    return program_of({"t": layout}, [drain, END], [observation]), drains


def test_a_wrong_address_is_named(drained):
    program, drains = drained
    drains["address"][5] = 999
    with pytest.raises(
        ObservationError, match=r"instruction 0 \(DRAIN, t\): address of its write 5 .* is 999, .* says 10"
    ):
        observe(program, drains, NO_POOLS)


def test_a_wrong_layer_is_named(drained):
    program, drains = drained
    drains["layer"][3] = 4
    with pytest.raises(ObservationError, match="layer of its write 3 .* is 4, but the program says 0"):
        observe(program, drains, NO_POOLS)


def test_missing_and_surplus_records_are_named(drained):
    program, drains = drained
    with pytest.raises(ObservationError, match="makes 16 writes .* holds only 15 more"):
        observe(program, drains[:-1], NO_POOLS)
    with pytest.raises(ObservationError, match="the drain trace holds 1 records more .* address 26"):
        observe(program, np.concatenate([drains, drains[-3:-2]]), NO_POOLS)
    with pytest.raises(ObservationError, match="the pool trace holds 2 records more"):
        observe(program, drains, np.zeros(2, trace_dtype(8)))


def test_elements_never_written_are_named(drained):
    program, drains = drained
    taller = dataclasses.replace(program, tensors={"t": plane_layout(8, 3, 2)})
    with pytest.raises(ObservationError, match=r"16 elements of t are never written, .* = \[0, 2, 0\]"):
        observe(taller, drains, NO_POOLS)
    shorter = dataclasses.replace(program, tensors={"t": plane_layout(8, 1, 2)})
    with pytest.raises(ObservationError, match=r"writes rows 0 .. 1, columns 0 .. 1 of t, which has only 1 x 2"):
        observe(shorter, drains, NO_POOLS)


def test_an_int32_tensor_needs_an_int32_drain(drained):
    program, drains = drained
    wide = dataclasses.replace(program, tensors={"t": plane_layout(8, 2, 2, int32=True)})
    with pytest.raises(ObservationError, match="writes 1 byte planes, but t has 4"):
        observe(wide, drains, NO_POOLS)


def test_a_whole_networks_records_take_about_a_second():
    architecture = dataclasses.replace(ARCHITECTURE, rows=16, columns=16, output_lanes=4)
    layout = plane_layout(256, 56, 56, word=16)
    step = {"out_plane_step": layout.plane_bytes, "out_y_step": layout.row_bytes, "out_x_step": 16}
    loop = {"n_columns": 16, "n_y": 56, "n_x": 56, "block_rows": 4, "last_steps": 4}
    repeats = 13
    drains_per_instruction = layout.channels * 56 * 56 // 4
    group, y, x, lane_step = np.meshgrid(*(np.arange(n) for n in (16, 56, 56, 4)), indexing="ij")
    one = np.zeros(drains_per_instruction, trace_dtype(4))
    one["address"] = (group * layout.plane_bytes + y * layout.row_bytes + x * 16 + lane_step * 4).reshape(-1)
    drains = np.tile(one, repeats)
    instructions = [Instruction(Opcode.DRAIN, step | loop) for _ in range(repeats)]
    tensors = {f"t{i}": layout for i in range(repeats)}
    observations = [Observation(i, f"t{i}") for i in range(repeats)]
    program = program_of(tensors, instructions, observations, architecture=architecture)
    assert drains.size > 2_600_000
    start = time.process_time()
    observed = observe(program, drains, np.zeros(0, trace_dtype(16)))
    assert time.process_time() - start < 5
    assert len(observed.tensors) == repeats
