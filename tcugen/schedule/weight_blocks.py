"""What window WEIGHTS holds and where, before there are any weights: blocks in the order of use.

First those that WEIGHT instructions stream, then those that LOAD brings into the activation memory.
"""

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


@dataclass(frozen=True)
class DepthwiseBlock:
    """Weights and parameters of all channel groups of task number `task`, which the pool unit runs; it is loaded."""

    task: int


Content = ConvolutionBlock | AverageBlock | TableBlock | GatherBlock | PhaseBlock | DepthwiseBlock


@dataclass(frozen=True)
class WeightBlock:
    """`content` is at byte `offset`."""

    content: Content
    offset: int


class WeightBlocks:
    """Window WEIGHTS under construction, its header first; each block starts at a multiple of the bus width."""

    def __init__(self, bus_bytes: int):
        self._bus_bytes = bus_bytes
        self._streamed: list[WeightBlock] = []
        self._loaded: list[WeightBlock] = []
        self.loaded_bytes = 0
        """Of the blocks that are loaded."""
        self.streamed_bytes = WEIGHTS_HEADER_BYTES
        """Of the header and the blocks that are streamed."""

    def add(self, content: Content, size: int) -> int:
        """Append a block of `size` bytes that is streamed; returns its offset in the window."""
        offset = self.streamed_bytes
        self._streamed.append(WeightBlock(content, offset))
        self.streamed_bytes = align(offset + size, self._bus_bytes)
        return offset

    def add_loaded(self, content: Content, size: int) -> int:
        """Append a block of `size` bytes that is loaded; returns its offset after what is streamed."""
        offset = self.loaded_bytes
        self._loaded.append(WeightBlock(content, offset))
        self.loaded_bytes = align(offset + size, self._bus_bytes)
        return offset

    @property
    def size(self) -> int:
        """Bytes of the window."""
        return self.streamed_bytes + self.loaded_bytes

    @property
    def blocks(self) -> tuple[WeightBlock, ...]:
        """All of them, with offsets in the window; complete when nothing more is streamed."""
        loaded = (WeightBlock(block.content, self.streamed_bytes + block.offset) for block in self._loaded)
        return (*self._streamed, *loaded)
