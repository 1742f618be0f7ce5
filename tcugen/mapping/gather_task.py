"""The task of concat, slice and channel_shuffle: channels put together from those of other tensors."""

from dataclasses import dataclass
from typing import Literal

from tcugen.network.shape import Shape


@dataclass(frozen=True)
class Part:
    """Channels `first` .. `first + channels - 1` of `tensor`, which has shape `shape`.

    `moved` says that their values only move: they have the scale and zero point of the output.
    """

    tensor: str
    first: int
    channels: int
    shape: Shape
    moved: bool = False


@dataclass(frozen=True)
class GatherTask:
    """Channels of some tensors one after the other, each through a weight of 1 of the array.

    Attributes:
        nodes, output, output_shape: as those of `ConvTask`.
        parts: What the output's channels are, in order; all of one height and width.
        interleaved: The output takes one channel of each part in turn; they are of one tensor and have equally many.
    """

    nodes: tuple[str, ...]
    parts: tuple[Part, ...]
    output: str
    output_shape: Shape
    interleaved: bool = False
    int32: Literal[False] = False
    residual: None = None
    table: Literal[False] = False
    multiply: Literal[False] = False
    per_channel: Literal[False] = False
    unrounded: Literal[False] = False

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def input(self) -> str:
        """The first of the tensors it reads."""
        return self.parts[0].tensor

    @property
    def sums_channels(self) -> bool:
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads, each once."""
        return tuple(dict.fromkeys(part.tensor for part in self.parts))
