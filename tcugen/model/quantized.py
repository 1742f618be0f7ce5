"""A quantized network: the graph and the integers of every node, the input of the compiler and of the golden model.

Nothing here computes; `requantise`-style arithmetic lives in `arithmetic`, tensors of a run in `golden`.
"""

from dataclasses import dataclass, field

import numpy as np

from tcugen.network.graph import Network


@dataclass(frozen=True)
class Quantization:
    """Scale and zero point of one activation tensor: real = scale * (q - zero_point), q int8."""

    scale: np.float32
    zero_point: int


@dataclass(frozen=True, eq=False)
class NodeIntegers:
    """The integers of one node.

    Attributes:
        weight: int8 [O, I / groups, kernel_y, kernel_x]; conv and linear (kernel 1x1), else None.
        bias: int32 [O], before folding the input's zero point; conv and linear, else None.
        multiplier: float32 [O] for conv and linear, float32 scalar for global_average_pool and requantise, None for
            max_pool, add and for a last layer that stores int32 sums.
        add_multipliers: (m_a, m_b) of an add, else None.
        add_shift: s of an add, else None.
        clamp: (lo, hi); None where the output is int32 and for max_pool.
        weight_scale: float32 [O]; conv and linear, else None. Not used by the hardware; the reference model needs it.
    """

    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    multiplier: np.ndarray | None = None
    add_multipliers: tuple[int, int] | None = None
    add_shift: int | None = None
    clamp: tuple[int, int] | None = None
    weight_scale: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """A network with its integers.

    Attributes:
        network: The graph.
        tensors: Quantization of every tensor (inputs and node outputs) by name; None for an int32 output, which only
            the last node may have.
        integers: Integers of every node by name.
    """

    network: Network
    tensors: dict[str, Quantization | None]
    integers: dict[str, NodeIntegers] = field(repr=False)

    def zero_point(self, tensor: str) -> int:
        return self.tensors[tensor].zero_point

    def input_zero_points(self, node: str) -> tuple[int, ...]:
        return tuple(self.zero_point(name) for name in self.network.by_name[node].inputs)
