"""The contents of window WEIGHTS: for each column group its parameters, then its tiles, in the order of use.

Weights of depthwise convolutions in the pool unit follow, channel group by channel group.
"""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import DEPTHWISE_COLUMNS, Architecture
from tcugen.compiler.integers import TaskIntegers
from tcugen.mapping.gather import column_pieces
from tcugen.mapping.tasks import ConvTask, GatherTask, PhasedTask
from tcugen.mapping.tiling import WeightPanel, panel_of
from tcugen.program import TensorLayout
from tcugen.program_format import seal_weights
from tcugen.schedule.schedule import Schedule
from tcugen.schedule.weight_blocks import (
    AverageBlock,
    ConvolutionBlock,
    DepthwiseBlock,
    GatherBlock,
    PhaseBlock,
    TableBlock,
)


def _parameters(
    bias: NDArray[np.int32], multiplier: NDArray[np.float32] | None, n_columns: int, columns: int
) -> NDArray[np.uint8]:
    """uint8 [n_columns, columns * 8]: int32 bias, float32 multiplier; channels that do not exist have 0 and 1.0."""
    words = np.zeros((n_columns * columns, 2), np.uint32)
    words[:, 1] = np.float32(1.0).view(np.uint32)
    words[: bias.size, 0] = bias.view(np.uint32)
    if multiplier is not None:
        words[: bias.size, 1] = multiplier.astype(np.float32).view(np.uint32)
    return words.astype("<u4").view(np.uint8).reshape(n_columns, columns * 8)


def convolution_columns(
    task: ConvTask, integers: TaskIntegers, layout: TensorLayout, panel: WeightPanel, architecture: Architecture
) -> NDArray[np.uint8]:
    """uint8 [n_columns, column_bytes] of a convolution whose input has the given layout."""
    rows, columns = architecture.rows, architecture.columns
    weight = integers.weight
    assert weight is not None, "an average alone has none"
    outputs, depth, n_ky, n_kx = map(int, weight.shape)
    channel = np.arange(outputs)
    if task.groups > 1 or task.first_channel is not None:
        first_input = (task.first_channel or 0) + channel // (outputs // task.groups) * depth
        first_word = panel.first_words[channel // columns] * rows
        place = np.subtract.outer(first_input - first_word, -np.arange(depth))
        grouped = np.zeros((outputs, panel.n_groups * rows, n_ky, n_kx), np.int8)
        grouped[channel[:, None], place] = weight
        weight, depth = grouped, panel.n_groups * rows
    # Bytes of one kernel row as one pass after the other reads them: [ky][word][byte of the folded row].
    packed = np.zeros((panel.n_columns * columns, panel.n_groups, n_ky, panel.n_kx * rows), np.int8)
    if panel.n_groups == 1:
        pixel = layout.pixel_bytes
        for kx in range(n_kx):
            packed[:outputs, 0, :, kx * pixel : kx * pixel + depth] = weight[..., kx].transpose(0, 2, 1)
    else:
        full = np.zeros((outputs, panel.n_groups * rows, n_ky, n_kx), np.int8)
        full[:, :depth] = weight
        words = full.reshape(outputs, panel.n_groups, rows, n_ky, n_kx).transpose(0, 1, 3, 4, 2)
        packed[:outputs] = words.reshape(outputs, panel.n_groups, n_ky, n_kx * rows)
    if task.skips_rows:
        # A COMPUTE has one kernel row of all words.
        packed = packed.transpose(0, 2, 1, 3)
    tiles = packed.reshape(panel.n_columns, columns, panel.n_tiles, rows).transpose(0, 2, 3, 1)
    return np.concatenate(
        [
            _parameters(integers.bias, integers.multiplier, panel.n_columns, columns),
            np.ascontiguousarray(tiles).view(np.uint8).reshape(panel.n_columns, -1),
        ],
        axis=1,
    )


def average_columns(
    integers: TaskIntegers, panel: WeightPanel, architecture: Architecture, words: int
) -> NDArray[np.uint8]:
    """uint8 [n_columns, column_bytes] of a global average pool that takes `words` input words to one column group.

    Every tile is a piece of the identity, so each output column sums one channel over all positions.
    """
    rows, columns = architecture.rows, architecture.columns
    positions = panel.n_ky * panel.n_kx
    tiles = np.zeros((panel.n_columns, words, positions, rows, columns), np.uint8)
    for column in range(panel.n_columns):
        for word in range(words):
            row = np.arange(rows)
            target = word * rows + row - column * columns
            inside = (target >= 0) & (target < columns)
            tiles[column, word, :, row[inside], target[inside]] = 1
    assert integers.multiplier is not None, "an average is always requantised"
    count = panel.n_columns * columns
    return np.concatenate(
        [
            _parameters(
                np.repeat(integers.bias, count), np.repeat(integers.multiplier, count), panel.n_columns, columns
            ),
            tiles.reshape(panel.n_columns, -1),
        ],
        axis=1,
    )


def gather_columns(
    task: GatherTask, integers: TaskIntegers, columns: tuple[int, int], architecture: Architecture
) -> NDArray[np.uint8]:
    """uint8 [bytes] of column groups columns[0] .. columns[1] - 1 of a gather: a 1 for every channel taken."""
    width, first_output = architecture.columns, columns[0] * architecture.columns
    pieces = column_pieces(task, architecture.rows, width)[columns[0] : columns[1]]
    assert integers.multiplier is not None, "a gather is always requantised"
    outputs = slice(first_output, columns[1] * width)
    parameters = _parameters(integers.bias[outputs], integers.multiplier[outputs], len(pieces), width)
    found: list[NDArray[np.uint8]] = []
    for number, group in enumerate(pieces):
        found.append(parameters[number])
        for piece in group:
            first, end = (word * architecture.rows for word in piece.words)
            tiles = np.zeros((end - first, width), np.uint8)
            channels = np.arange(*piece.channels)
            lanes = piece.outputs - first_output - number * width + piece.step * (channels - piece.channels[0])
            tiles[channels - first, lanes] = 1
            found.append(tiles.reshape(-1))
    return np.concatenate(found)


def depthwise_groups(integers: TaskIntegers, architecture: Architecture) -> NDArray[np.uint8]:
    """uint8 [channel groups, bytes]: of each its weights, one byte per channel, then the parameters of its channels."""
    weight, rows = integers.weight, architecture.rows
    assert weight is not None, "a depthwise convolution has weights"
    channels, _, n_ky, n_kx = map(int, weight.shape)
    groups = -(-channels // rows)
    taps = np.zeros((groups * rows, n_ky, DEPTHWISE_COLUMNS), np.int8)
    taps[:channels, :, :n_kx] = weight[:, 0]
    words = taps.reshape(groups, rows, -1).transpose(0, 2, 1)
    parameters = _parameters(integers.bias, integers.multiplier, groups, rows)
    return np.concatenate([np.ascontiguousarray(words).view(np.uint8).reshape(groups, -1), parameters], axis=1)


def weight_image(schedule: Schedule, integers: tuple[TaskIntegers | None, ...]) -> NDArray[np.uint8]:
    """uint8 [weight_bytes]: contents of window WEIGHTS, sealed."""
    plan, image = schedule.plan, np.zeros(schedule.weight_bytes, np.uint8)
    whole: dict[tuple[int, int], NDArray[np.uint8]] = {}
    for block in schedule.weight_blocks:
        index = block.content.task
        task, panel, numbers = plan.tasks[index], plan.panels[index], integers[index]
        assert numbers is not None, "only a max pool has none"
        content = block.content
        if isinstance(content, DepthwiseBlock):
            data = depthwise_groups(numbers, plan.architecture)
            image[block.offset : block.offset + data.size] = data.reshape(-1)
            continue
        assert panel is not None, "only tasks of the pool unit have none"
        match content:
            case ConvolutionBlock(columns=(first, last)):
                assert isinstance(task, ConvTask)
                if (index, 0) not in whole:
                    layout = plan.layouts[task.input]
                    whole = {(index, 0): convolution_columns(task, numbers, layout, panel, plan.architecture)}
                data = whole[index, 0][first:last]
            case PhaseBlock(phase=phase, columns=(first, last)):
                assert isinstance(task, PhasedTask)
                if (index, phase) not in whole:
                    part, layout = task.convolutions[phase], plan.layouts[task.input]
                    panel = panel_of(part, layout, plan.architecture)
                    columns = convolution_columns(part, numbers.phases[phase], layout, panel, plan.architecture)
                    whole = {(index, phase): columns}
                data = whole[index, phase][first:last]
            case TableBlock():
                assert numbers.table is not None, "its task has one"
                data = numbers.table.view(np.uint8)
            case AverageBlock(words=words):
                data = average_columns(numbers, panel, plan.architecture, words)
            case GatherBlock(columns=columns):
                assert isinstance(task, GatherTask)
                data = gather_columns(task, numbers, columns, plan.architecture)
            case _:
                assert_never(content)
        image[block.offset : block.offset + data.size] = data.reshape(-1)
    return np.frombuffer(seal_weights(image.tobytes(), plan.architecture, schedule.loaded_bytes), np.uint8)
