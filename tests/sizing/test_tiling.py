"""Passes, blocks and output steps of single tasks, against counts made by hand."""

import pytest

from tcugen.arch import Architecture
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import Add, Conv
from tcugen.network.resnets import bundled_network
from tcugen.sizing.activations import pixel_bytes
from tcugen.sizing.tasks import tasks_of
from tcugen.sizing.tiling import HANDOVER_CYCLES, Tiling, tile_task


def tiling(name: str, node: str, **parameters: int) -> Tiling:
    network, architecture = bundled_network(name), Architecture(**parameters)
    tasks = tasks_of(network)
    task = next(task for task in tasks if task.node.name == node)
    return tile_task(task, pixel_bytes(network, tasks, architecture)[task.node.inputs[0]], architecture)


@pytest.mark.parametrize(
    "rows, passes",
    [(4, 7 * 6), (8, 7 * 3), (16, 7 * 2), (32, 7)],
)
def test_the_stem_folds_the_21_bytes_of_a_kernel_row(rows, passes):
    parameters = {"rows": rows, "output_lanes": 4}
    assert tiling("resnet50", "conv1", **parameters).passes == passes


def test_the_16_channels_of_resnet20_fold_on_32_rows_where_no_add_reads_them():
    parameters = {"rows": 32, "columns": 32}
    assert tiling("resnet20", "layer1.0.conv2", **parameters).passes == 3 * 2
    assert tiling("resnet20", "layer1.0.conv1", **parameters).passes == 3 * 3


@pytest.mark.parametrize(
    "node, depth, blocks",
    [
        ("layer1.0.conv1", 256, (224,) * 14),
        ("layer1.0.conv1", 128, (112,) * 28),
        ("layer3.0.conv2", 256, (196,)),
        ("layer3.0.conv2", 128, (98, 98)),
        ("layer2.1.conv1", 256, (196, 196, 196, 196)),
        ("layer4.2.conv3", 256, (49,)),
        ("conv1", 64, (56,) * 224),
        ("fc", 256, (1,)),
    ],
)
def test_blocks_are_whole_rows_and_even(node, depth, blocks):
    assert tiling("resnet50", node, accumulator_depth=depth).blocks == blocks


@pytest.mark.parametrize("rows, columns, words", [(16, 16, 1), (32, 8, 1), (8, 32, 4), (4, 4, 1)])
def test_a_grouped_convolution_reads_its_own_words_only(rows, columns, words):
    grouped = tiling("resnext50_32x4d", "layer1.0.conv2", rows=rows, columns=columns)
    assert (grouped.n_columns, grouped.passes) == (128 // columns, words * 9)


def test_linear_and_average_pool():
    linear = tiling("resnet50", "fc")
    assert (linear.n_columns, linear.passes, linear.last_steps) == (63, 128, 2)
    assert linear.array_cycles == 63 * 128 * 16
    average = tiling("resnet50", "avgpool")
    assert (average.n_columns, average.passes, average.blocks) == (1, 49, (128,))
    assert tiling("resnet50", "avgpool", rows=32, columns=8).n_columns == 4
    assert tiling("resnet50", "avgpool", rows=8, columns=32).passes == 49 * 4


def test_an_add_alone_is_a_diagonal_convolution():
    network = checked_network(
        "n", (("a", Shape(64, 8, 8)), ("b", Shape(64, 8, 8))), [Add("sum", ("a", "b"))], extract=True
    )
    (task,) = tasks_of(network)
    result = tile_task(task, 16, Architecture())
    assert (result.n_columns, result.passes, result.blocks) == (4, 1, (64,))


def test_int32_results_take_four_times_the_steps():
    network = bundled_network("resnet50")
    task = tasks_of(network)[-1]
    assert tile_task(task, 16, Architecture(), int32=True).last_steps == 8


def test_the_slower_of_array_and_output_path_sets_the_pace():
    assert tiling("resnet50", "layer1.0.conv2").tile_cycles(224, 4) == 36 * 224
    assert tiling("resnet50", "layer1.0.conv3", output_lanes=1).tile_cycles(224, 16) == 16 * 224
    # Equal: every second tile waits for the bank's handover.
    equal = tiling("resnet50", "layer1.0.conv3").tile_cycles(224, 4)
    assert equal == 4 * 224 + (16 + HANDOVER_CYCLES) // 2


def test_passes_are_no_shorter_than_a_weight_load():
    short = tiling("resnet50", "fc", rows=32)
    assert short.array_tile(1) == short.passes * 32


def test_busy_cycles_of_resnet50_are_its_multiply_accumulates_but_for_stem_and_edges():
    network, architecture = bundled_network("resnet50"), Architecture()
    tasks = tasks_of(network)
    sizes = pixel_bytes(network, tasks, architecture)
    busy = {
        task.node.name: tile_task(task, sizes[task.node.inputs[0]], architecture).busy_cycles
        for task in tasks
        if isinstance(task.node, Conv)
    }
    for name, cycles in busy.items():
        assert name == "conv1" or cycles * 256 == network.macs(network.by_name[name])
