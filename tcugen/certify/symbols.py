"""Names for bytes: what may stand in a byte of memory, as an integer.

A byte holds an element of a tensor, whatever the image, or a byte of the weights; or it is one of the few below.
Elements of all tensors are numbered through, so an array of integers says what every byte of a memory holds.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tcugen.certify.errors import NotCertified
from tcugen.network.graph import Network

Symbols = NDArray[np.int32]

PAD = -1
"""Of an operand of the array: no byte of memory, but the instruction's padding value."""
UNWRITTEN = 0
"""What was there before the run."""
ZERO = 1
"""Written as 0."""
NOBODYS = 2
"""Written, but no element of a tensor; depends on nothing from before the run."""
_FIRST = 3


@dataclass(frozen=True)
class Moved:
    """Channels `first` .. `first + channels - 1` of `tensor` have the values of those of `source`."""

    tensor: str
    first: int
    channels: int
    source: str
    source_first: int


class Numbering:
    """Numbers of the elements of every tensor.

    Args:
        network: Whose tensors.
        int32: Tensors of 32-bit sums: four numbers for each element, one for each of its bytes.
        moved: Channels that are those of other tensors, value for value, in execution order; they have their numbers.
    """

    def __init__(self, network: Network, int32: Collection[str], moved: Collection[Moved] = ()):
        self.shapes, self._bases = network.shapes, dict[str, int]()
        end = _FIRST
        for name, shape in network.shapes.items():
            self._bases[name] = end
            end += shape.channels * shape.height * shape.width * (4 if name in int32 else 1)
        self.first_weight = end
        """Number of the first byte of window WEIGHTS; the others follow it."""
        if end > np.iinfo(np.int32).max:
            raise NotCertified(f"the network has {end:,} elements of tensors, more than 32 bits can number")
        self.count = end - _FIRST
        self._firsts = {
            name: self._bases[name] + np.arange(shape.channels) * (shape.height * shape.width)
            for name, shape in network.shapes.items()
        }
        for one in moved:
            there = self._firsts[one.source][one.source_first : one.source_first + one.channels]
            self._firsts[one.tensor][one.first : one.first + one.channels] = there

    def weights(self, size: int) -> Symbols:
        """Numbers of the bytes of a window WEIGHTS of `size` bytes."""
        if self.first_weight + size > np.iinfo(np.int32).max:
            raise NotCertified(f"elements and {size:,} bytes of weights are more than 32 bits can number")
        return np.arange(self.first_weight, self.first_weight + size, dtype=np.int32)

    def first_elements(self, tensor: str) -> NDArray[np.int64]:
        """[channels]: number of the first element of each."""
        return self._firsts[tensor]

    def ranges(self, tensor: str) -> Iterator[tuple[int, int, int]]:
        """(first channel, end, number of the first one's first element) of channels that are numbered through."""
        firsts, shape = self._firsts[tensor], self.shapes[tensor]
        cuts = np.flatnonzero(np.diff(firsts) != shape.height * shape.width) + 1
        edges = [0, *(int(cut) for cut in cuts), shape.channels]
        for first, end in pairwise(edges):
            yield first, end, int(firsts[first])

    def size(self, tensor: str) -> int:
        """Elements of the tensor."""
        shape = self.shapes[tensor]
        return math.prod((shape.channels, shape.height, shape.width))

    def elements(self, tensor: str, channel: NDArray[np.int64], y: NDArray[np.int64], x: NDArray[np.int64]) -> Symbols:
        """Numbers of elements; the arrays are broadcast. Of channels that do not exist they mean nothing."""
        shape = self.shapes[tensor]
        return (self._firsts[tensor][np.minimum(channel, shape.channels - 1)] + y * shape.width + x).astype(np.int32)

    def describe(self, symbol: int) -> str:
        """What a byte holds, for messages."""
        fixed = {PAD: "padding", UNWRITTEN: "what nothing has written", ZERO: "a zero", NOBODYS: "no element"}
        if symbol in fixed:
            return fixed[symbol]
        if symbol >= self.first_weight:
            return f"byte {symbol - self.first_weight} of the weights"
        tensor = max((name for name in self._bases if self._bases[name] <= symbol), key=lambda name: self._bases[name])
        shape, place = self.shapes[tensor], symbol - self._bases[tensor]
        channel, pixel = divmod(place, shape.height * shape.width)
        return f"{tensor!r} channel {channel}, row {pixel // shape.width}, column {pixel % shape.width}"
