"""What all tasks of the pool unit have in common."""

from dataclasses import dataclass
from typing import Literal

from tcugen.network.shape import Shape


@dataclass(frozen=True)
class InPoolUnit:
    """A task of the pool unit, beside the array.

    Attributes: as those of `ConvTask`.
    """

    nodes: tuple[str, ...]
    input: str
    output: str
    input_shape: Shape
    output_shape: Shape
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
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
    def sums_channels(self) -> bool:
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads."""
        return (self.input,)
