"""Words and passes of gathers: every output channel comes from one word, and none is read twice in a column group."""

import pytest

from tcugen.mapping.gather import column_pieces, passes
from tcugen.mapping.tasks import GatherTask, tasks_of
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import ChannelShuffle, Concat, Conv, Slice
from tcugen.schedule.gathering import runs_of


def gather(*channels: int, cut: tuple[int, int] | None = None) -> GatherTask:
    """The task of a concat of tensors of so many channels, or of a slice of the only one."""
    nodes = [Conv(f"x{index}", ("image",), count, (1, 1)) for index, count in enumerate(channels)]
    names = tuple(node.name for node in nodes)
    last = Slice("last", (names[0],), cut) if cut else Concat("last", names)
    (task,) = (
        t for t in tasks_of(checked_network("n", (("image", Shape(3, 4, 5)),), [*nodes, last])) if t.name == "last"
    )
    assert isinstance(task, GatherTask)
    return task


@pytest.mark.parametrize("rows, columns", [(4, 4), (16, 16), (8, 32), (32, 4), (16, 6)])
@pytest.mark.parametrize("task", [gather(3, 5), gather(16, 32), gather(7, 1, 40, 2), gather(50, cut=(13, 41))])
def test_every_output_channel_once(task, rows, columns):
    groups = column_pieces(task, rows, columns)
    sources = [(part.tensor, part.first + k) for part in task.parts for k in range(part.channels)]
    found = []
    for group in groups:
        for piece in group:
            assert len(found) == piece.outputs
            first, end = piece.channels
            assert piece.words == (first // rows, (end - 1) // rows + 1)
            found += [(task.parts[piece.part].tensor, channel) for channel in range(first, end)]
    assert found == sources


@pytest.mark.parametrize("rows, columns", [(4, 4), (16, 16), (8, 32), (32, 4), (16, 6)])
@pytest.mark.parametrize("channels, groups", [(12, 3), (64, 2), (30, 30), (40, 5), (48, 1)])
def test_a_shuffle_takes_one_channel_of_each_group_in_turn(channels, groups, rows, columns):
    nodes = [ChannelShuffle("last", ("image",), groups)]
    (task,) = tasks_of(checked_network("n", (("image", Shape(channels, 4, 5)),), nodes))
    assert isinstance(task, GatherTask)
    found = {}
    for pieces in column_pieces(task, rows, columns):
        for piece in pieces:
            assert piece.words == (piece.channels[0] // rows, (piece.channels[1] - 1) // rows + 1)
            found |= {piece.outputs + k * piece.step: c for k, c in enumerate(range(*piece.channels))}
    size = channels // groups
    assert found == {c * groups + g: g * size + c for g in range(groups) for c in range(size)}


def test_channels_that_fill_words_take_one_pass_a_column_group():
    groups = column_pieces(gather(32, 16, 64), 16, 16)
    assert [passes(group) for group in groups] == [1] * 7
    assert [run.columns for run in runs_of(groups, (0, len(groups)))] == [(0, 2), (2, 3), (3, 7)]
    assert [run.step for run in runs_of(groups, (0, len(groups)))] == [1, 0, 1]


def test_others_take_one_for_each_word_they_straddle():
    groups = column_pieces(gather(24, 24), 16, 16)
    assert [[(piece.part, piece.words) for piece in group] for group in groups] == [
        [(0, (0, 1))],
        [(0, (1, 2)), (1, (0, 1))],
        [(1, (0, 2))],
    ]
    assert [run.columns for run in runs_of(groups, (0, len(groups)))] == [(0, 1), (1, 2), (2, 3)]
