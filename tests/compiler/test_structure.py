"""What programs look like: prefetch, early starts, size, listing."""

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.compiler import compile_network, disassemble, plan_network
from tcugen.compiler.pieces import ranges_by_need
from tcugen.compiler.tile import block_rows, rects, split, strip_of, x_tiles
from tcugen.compiler.tracker import Region, Tracker
from tcugen.compiler.weights import convolution_columns
from tcugen.isa import Opcode, Unit
from tcugen.network.resnets import bundled_network
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS


@pytest.fixture(scope="module")
def resnet20():
    return compile_network(synthesise(bundled_network("resnet20"), seed=1)[0], Architecture(activation_kib=64))


def test_weights_run_ahead_across_layers(resnet20):
    weights = computes = 0
    for instruction in resnet20.instructions:
        weights += instruction.opcode == Opcode.WEIGHT
        if instruction.opcode == Opcode.COMPUTE and instruction["layer"] > computes:
            computes = instruction["layer"]
            assert computes + 1 <= weights <= computes + 5
    assert weights == len(resnet20.layers)


def test_each_weight_crosses_memory_once(resnet20):
    streamed = [i["offset"] for i in resnet20.instructions if i.opcode == Opcode.WEIGHT]
    assert len(set(streamed)) == len(streamed)


def test_first_column_does_not_wait_for_the_last_tile(resnet20):
    """Layers that read the one right before them: the first COMPUTE waits for less than the last."""
    for layer, tensor in enumerate(layer.tensor for layer in resnet20.layers):
        if not tensor.startswith(("layer1.", "layer2.1.", "layer2.2.", "layer3.1.", "layer3.2.")):
            continue
        waits = [i["wait_drain"] for i in resnet20.instructions if i.opcode == Opcode.COMPUTE and i["layer"] == layer]
        assert waits[0] < max(waits), tensor


def test_image_arrives_row_by_row():
    model, _ = synthesise(NETWORKS["bottleneck"], seed=1)
    program = compile_network(model, Architecture())
    waits = [i["wait_load"] for i in program.instructions if i.opcode == Opcode.COMPUTE and i["layer"] == 0]
    assert waits == sorted(waits) and len(set(waits)) == len(waits) == 2


def test_pool_runs_behind_its_convolution():
    model, _ = synthesise(NETWORKS["bottleneck"], seed=1)
    program = compile_network(model, Architecture())
    order = [i.opcode for i in program.instructions if i["layer"] in (0, 1) and i.opcode in (Opcode.DRAIN, Opcode.POOL)]
    assert order == [Opcode.DRAIN, Opcode.POOL] * (len(order) // 2)


def test_every_instruction_carries_its_layer(resnet20):
    numbers = [i["layer"] for i in resnet20.instructions if i.opcode == Opcode.DRAIN]
    assert numbers == sorted(numbers) and set(numbers) == set(range(len(resnet20.layers)))


def test_program_survives_its_file(resnet20, tmp_path):
    resnet20.write(tmp_path)
    again = resnet20.read(tmp_path)
    assert again.code == resnet20.code and again.observations == resnet20.observations
    assert disassemble(again) == disassemble(resnet20)


def test_listing(resnet20):
    lines = disassemble(resnet20).splitlines()
    assert len([line for line in lines if not line.startswith(";")]) == len(resnet20.instructions)
    assert any(line.startswith("; layer") and "layer1.0.conv2 + layer1.0.add" in line for line in lines)
    assert lines[1] == "; layer 0: conv1" and "window=INPUT" in lines[2]
    assert any("writes fc[0, 0, 0]" in line for line in lines)


def test_weight_stream_holds_every_weight():
    model, _ = synthesise(NETWORKS["grouped"], seed=1)
    program = compile_network(model, Architecture())
    nonzero = sum(int(np.count_nonzero(model.integers[node.name].weight)) for node in model.network.nodes)
    kept = 0
    for i in program.instructions:
        if i.opcode == Opcode.WEIGHT:
            size = 128 + i["n_tiles"] * 256
            block = program.weights[i["offset"] : i["offset"] + i["n_columns"] * size].reshape(-1, size)
            kept += int(np.count_nonzero(block[:, 128:]))
    assert kept == nonzero


def test_grouped_convolution_streams_diagonal_blocks_only():
    model, _ = synthesise(NETWORKS["grouped"], seed=1)
    plan = plan_network(model, Architecture())
    assert [strip.n_groups for strip in plan.strips] == [1, 1, 2, 2]
    assert [strip.column_words for strip in plan.strips[:2]] == [1, 1]
    task, layout = plan.tasks[0], plan.layouts["image"]
    strip = strip_of(task, layout, Architecture())
    assert convolution_columns(task, layout, strip, Architecture()).shape == (4, 128 + 9 * 256)


@pytest.mark.parametrize(
    "n_y, n_x, depth, expected",
    [(56, 56, 256, 4), (28, 28, 256, 7), (14, 14, 256, 14), (7, 7, 256, 7), (5, 300, 256, 1)],
)
def test_blocks(n_y, n_x, depth, expected):
    assert block_rows(n_y, n_x, depth) == expected


def test_rectangles_cover_every_pixel_once():
    for n_y, n_x in ((5, 300), (17, 33), (1, 4096), (40, 16)):
        seen = np.zeros((n_y, n_x), int)
        for rect in rects(0, n_y, n_x, 256):
            for y0, y1 in rect.blocks():
                assert (y1 - y0) * rect.n_x <= 256
                seen[y0:y1, rect.x0 : rect.x1] += 1
        assert (seen == 1).all()
    assert x_tiles(300, 256) == ((0, 150), (150, 300)) and split(3, 5) == ((0, 1), (1, 2), (2, 3))


def test_ranges_by_need():
    counts = [0, 0, 0, 100, 0]

    def need(drain):
        return (0, 0, 0, drain, 0)

    assert ranges_by_need([need(5), need(98), need(99), need(99), need(100)], counts) == [(0, 2), (2, 4), (4, 5)]
    assert ranges_by_need([need(100), need(5)], counts) == [(0, 2)]


def test_tracker():
    tracker = Tracker(1024, 16)
    tracker.note_write(Unit.LOAD, 3, Region(0, 2, 256, 64))
    tracker.note_write(Unit.DRAIN, 7, Region(48, 1, 0, 16))
    tracker.note_read(Unit.COMPUTE, 9, Region(256, 1, 0, 16))
    assert tracker.before_read(Region(32, 1, 0, 20)) == (3, 0, 0, 7, 0)
    assert tracker.before_read(Region(64, 1, 0, 16)) == (0, 0, 0, 0, 0)
    assert tracker.before_write(Unit.DRAIN, Region(40, 2, 216, 16)) == (3, 0, 9, 0, 0)
    assert tracker.before_write(Unit.LOAD, Region(320, 1, 0, 16)) == (0, 0, 0, 0, 0)
    assert tracker.before_read(Region(8, 3, 24, 8)) == (3, 0, 0, 7, 0)
