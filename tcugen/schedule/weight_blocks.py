"""What window WEIGHTS holds and where, before there are any weights: blocks in the order of use."""

from dataclasses import dataclass

from tcugen.mapping.layouts import align
from tcugen.program_format import WEIGHTS_HEADER_BYTES


@dataclass(frozen=True)
class ConvolutionBlock:
    """Parameters and tiles of column groups columns[0] .. columns[1] - 1 of the convolution of task number `task`."""

    task: int
    columns: tuple[int, int]


@dataclass(frozen=True)
class AverageBlock:
    """Parameters and tiles of an average pool that takes `words` input words to one column group."""

    task: int
    words: int


@dataclass(frozen=True)
class TableBlock:
    """The table of task number `task`, in whole groups of parameters."""

    task: int


@dataclass(frozen=True)
class GatherBlock:
    """Parameters and tiles of column groups columns[0] .. columns[1] - 1 of the gather of task number `task`."""

    task: int
    columns: tuple[int, int]


@dataclass(frozen=True)
class PhaseBlock:
    """The same of phase number `phase` of task number `task`."""

    task: int
    phase: int
    columns: tuple[int, int]


Content = ConvolutionBlock | AverageBlock | TableBlock | GatherBlock | PhaseBlock


@dataclass(frozen=True)
class WeightBlock:
    """`content` is at byte `offset`."""

    content: Content
    offset: int


class WeightBlocks:
    """Window WEIGHTS under construction, its header first; each block starts at a multiple of the bus width."""

    def __init__(self, bus_bytes: int):
        self._bus_bytes = bus_bytes
        self._blocks: list[WeightBlock] = []
        self.size = WEIGHTS_HEADER_BYTES

    def add(self, content: Content, size: int) -> int:
        """Append a block of `size` bytes; returns its offset in the window."""
        offset = self.size
        self._blocks.append(WeightBlock(content, offset))
        self.size = align(offset + size, self._bus_bytes)
        return offset

    @property
    def blocks(self) -> tuple[WeightBlock, ...]:
        return tuple(self._blocks)
