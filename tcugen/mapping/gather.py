"""Which words of which tensors the column groups of a gather task take."""

from dataclasses import dataclass

from tcugen.mapping.tasks import GatherTask

Range = tuple[int, int]


@dataclass(frozen=True)
class Piece:
    """Words `words` of the tensor of part number `part`, and the channels that are taken from them.

    Attributes:
        channels: First and end, of the tensor.
        outputs: The output channel that the first of them becomes.
        step: Output channels from one to the next.
    """

    part: int
    words: Range
    channels: Range
    outputs: int
    step: int = 1


def column_pieces(task: GatherTask, rows: int, columns: int) -> tuple[tuple[Piece, ...], ...]:
    """The pieces of every group of `columns` output channels, in the order of their channels.

    Words have `rows` channels. Each word of a piece is one pass of the array.
    """
    groups: list[tuple[Piece, ...]] = []
    for low in range(0, task.output_shape.channels, columns):
        if task.interleaved:
            groups.append(_interleaved(task, rows, low, low + columns))
            continue
        pieces: list[Piece] = []
        start = 0
        for number, part in enumerate(task.parts):
            first, end = max(low, start), min(low + columns, start + part.channels)
            if first < end:
                channels = (part.first + first - start, part.first + end - start)
                words = (channels[0] // rows, -(-channels[1] // rows))
                pieces.append(Piece(number, words, channels, first))
            start += part.channels
        groups.append(tuple(pieces))
    return tuple(groups)


def _interleaved(task: GatherTask, rows: int, low: int, high: int) -> tuple[Piece, ...]:
    """The pieces of output channels low .. high - 1 of a task that takes one channel of each part in turn."""
    pieces: list[Piece] = []
    for number, part in enumerate(task.parts):
        step = len(task.parts)
        first, end = (min(max(0, -(-(channel - number) // step)), part.channels) for channel in (low, high))
        if first < end:
            channels = (part.first + first, part.first + end)
            words = (channels[0] // rows, -(-channels[1] // rows))
            pieces.append(Piece(number, words, channels, first * step + number, step))
    return tuple(pieces)


def passes(pieces: tuple[Piece, ...]) -> int:
    """Passes of the array, and weight tiles, of one column group."""
    return sum(piece.words[1] - piece.words[0] for piece in pieces)


def part_words(task: GatherTask, number: int, rows: int) -> Range:
    """First and end of the words that part `number` has channels in."""
    part = task.parts[number]
    return part.first // rows, -(-(part.first + part.channels) // rows)
