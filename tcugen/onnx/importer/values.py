"""What a tensor of an ONNX graph is while the graph is read: constants, int8 tensors, reals yet to be rounded."""

import math
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Literal

import numpy as np

from tcugen.network.activation import Activation
from tcugen.network.fields import Function
from tcugen.network.graph import Shape
from tcugen.network.operators import AveragePool, Moving, Weighted
from tcugen.onnx.importer.onnx_file import OnnxNode


@dataclass(frozen=True)
class Layout:
    """How the file arranges a tensor whose image is [C, H, W] in the network.

    Attributes:
        flat: In two dimensions, [1, C * H * W].
        channels_last: Channels after rows and columns: [1, H, W, C], or [1, H * W * C].
    """

    flat: bool = False
    channels_last: bool = False

    def dimensions(self, shape: Shape) -> list[int]:
        """As the file has them, batch included."""
        sides = [shape.channels, shape.height, shape.width]
        if self.channels_last:
            sides = [*sides[1:], sides[0]]
        return [1, math.prod(sides)] if self.flat else [1, *sides]

    def same_order(self, other: "Layout", shape: Shape) -> bool:
        """Whether the elements follow one another alike."""
        one_channel, one_pixel = shape.channels == 1, (shape.height, shape.width) == (1, 1)
        return self.channels_last == other.channels_last or one_channel or one_pixel

    def __str__(self) -> str:
        dimensions = "two dimensions" if self.flat else "four dimensions"
        return f"{dimensions}, channels last" if self.channels_last else dimensions


CHANNELS_FIRST, ROW = Layout(), Layout(flat=True)


@dataclass(frozen=True, eq=False)
class Constant:
    """An array known from the file."""

    array: np.ndarray


@dataclass(frozen=True, eq=False)
class QuantizedConstant:
    """Constant integers that stand for reals, `scale * (integers - zero_point)`: DequantizeLinear of a constant.

    Attributes:
        integers: Any integer type of at most 32 bits.
        scale: float32, scalar or [n].
        zero_point: int64, scalar or [n].
        axis: The dimension of `integers` along which scale and zero point run, if they are not scalars.
    """

    integers: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray
    axis: int = 0

    def along_axis(self, values: np.ndarray) -> np.ndarray:
        """Scale or zero point in a shape that broadcasts against the integers."""
        if values.ndim == 0:
            return values
        return values.reshape([-1 if dimension == self.axis else 1 for dimension in range(self.integers.ndim)])

    def centred(self) -> np.ndarray:
        """integers - zero_point, int64."""
        return self.integers.astype(np.int64) - self.along_axis(self.zero_point)

    def real(self) -> np.ndarray:
        """The real values, float64."""
        return self.centred() * self.along_axis(self.scale).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Quantized:
    """An int8 tensor of the network, under the type it has in the file.

    Attributes:
        tensor: Name in the network.
        unsigned: The file holds it as uint8; the network holds those values less 128.
        layout: How the file arranges it.
    """

    tensor: str
    unsigned: bool
    layout: Layout = CHANNELS_FIRST


@dataclass(frozen=True)
class Image:
    """The network's input before its quantization.

    Attributes:
        name: In the network.
        unsigned: Of integers, whose scale the node that reads them states: whether they are uint8. None for reals.
    """

    name: str
    unsigned: bool | None = None


@dataclass(frozen=True)
class Stored:
    """The real values of an int8 tensor of the network."""

    tensor: str


StepOperator = Literal["Add", "Sub", "Sub from", "Mul", "Div"]


@dataclass(frozen=True, eq=False)
class Step:
    """An elementwise operator of the file with one value per channel, float64 [C]; `Sub from` is values - x."""

    operator: StepOperator
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Convolution:
    """A conv or linear before its output is quantized.

    Attributes:
        node: The operator in the file.
        layer: The operator of the network, all but its name and activation.
        weight: int8 [O, I / groups, ky, kx].
        weight_scale: float32 [O].
        bias: float64 [O], the real bias.
        bias_integers: int32 [O] if the file has the bias in the scale of the sums, else None.
        shape: Of its output.
        is_joined: The bias, or part of it, comes from an operator after the file's convolution.
        steps: What the file does to each int8 value, if that is all the convolution is for; else empty.
    """

    node: OnnxNode
    layer: Weighted
    weight: np.ndarray
    weight_scale: np.ndarray
    bias: np.ndarray
    bias_integers: np.ndarray | None
    shape: Shape
    steps: tuple[Step, ...] = ()
    is_joined: bool = False

    @property
    def x(self) -> str:
        """Tensor of the network that it reads."""
        return self.layer.inputs[0]

    def named(self, name: str, activation: Activation) -> Weighted:
        """The operator of the network under a name of its own."""
        return replace(self.layer, name=name, activation=activation)


@dataclass(frozen=True, eq=False)
class Addition:
    """The sum of two tensors of the network, or of one and what a convolution makes, before it is quantized."""

    node: OnnxNode
    operands: tuple[str, str] | tuple[Convolution, str] | tuple[str, Convolution]
    shape: Shape


@dataclass(frozen=True, eq=False)
class Product:
    """The product of two tensors of the network before it is quantized."""

    node: OnnxNode
    operands: tuple[str, str]
    shape: Shape


@dataclass(frozen=True, eq=False)
class Average:
    """The mean over pixels of a tensor of the network before it is quantized.

    Attributes:
        pool: The operator of the network, all but its name; None for the mean over all pixels.
    """

    node: OnnxNode
    x: str
    shape: Shape
    pool: AveragePool | None = None


@dataclass(frozen=True, eq=False)
class Curve:
    """A real function of one int8 tensor of the network, value by value.

    Attributes:
        tensor: Name of the tensor.
        values: float32 [256], for -128 first.
        function, alpha: Its name in the network; function is None for the tensor as it is.
    """

    tensor: str
    values: np.ndarray
    function: Function | None
    alpha: float | None = None

    def limited(self, low: float, high: float) -> "Curve":
        """The function within limits, of which the upper one counts if they cross."""
        return Curve(self.tensor, np.minimum(np.maximum(self.values, np.float32(low)), np.float32(high)), "custom")


@dataclass(frozen=True, eq=False)
class Elementwise:
    """A function of a tensor of the network before it is quantized."""

    node: OnnxNode
    curve: Curve
    shape: Shape


@dataclass(frozen=True, eq=False)
class Concatenation:
    """Channels of several real tensors one after the other.

    Attributes:
        operands: Those not rounded yet are rounded with what they become part of: to move values changes none.
        shape: Of its output.
    """

    node: OnnxNode
    operands: tuple["Real", ...]
    shape: Shape


@dataclass(frozen=True, eq=False)
class BothSides:
    """The sum of two real tensors of which one is zero at every place; they are rounded with it."""

    node: OnnxNode
    operands: tuple["Real", "Real"]
    shape: Shape


Computed = Convolution | Addition | Product | Average | Elementwise | Concatenation | BothSides
"""What becomes a node once its output is quantized."""

Base = Image | Stored | Computed


@dataclass(frozen=True)
class Pool:
    """A maximum over windows; padding is (top, left, bottom, right), dilation (y, x)."""

    node: OnnxNode = field(compare=False)
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Border:
    """Zeros around the pixels, or with `lowest` what no maximum takes: (top, left, bottom, right)."""

    node: OnnxNode = field(compare=False)
    padding: tuple[int, int, int, int]
    lowest: bool = False


@dataclass(frozen=True)
class Moved:
    """Values at other pixels or in other channels; of the operator of the network, all but its name and input."""

    node: OnnxNode = field(compare=False)
    operator: Moving


@dataclass(frozen=True)
class Crop:
    """Rows at the bottom and columns on the right left out."""

    node: OnnxNode = field(compare=False)
    rows: int
    columns: int


Arrangement = Pool | Border | Moved | Crop
"""What takes place on int8 values without changing any."""


@dataclass(frozen=True, eq=False)
class Real:
    """A real tensor, whose quantization is still to come: a base, clipped, and then pooled.

    Clipping and the maximum keep order, and so does rounding to int8, so each of them may be done on either side of
    it and in any order; the network does them on int8. A zero stays one on either side too.

    Attributes:
        base: Where the values come from.
        low, high: Real limits; infinite if there are none.
        pools: Maxima over windows, borders of zeros and moves, in order.
        layout: How the file arranges it.
        last: The node that made it, if it is one that may become a node of its own.
        curve: The values as a function of one int8 tensor, limits included, where they are one.
    """

    base: Base
    low: float = -math.inf
    high: float = math.inf
    pools: tuple[Arrangement, ...] = ()
    layout: Layout = CHANNELS_FIRST
    last: OnnxNode | None = None
    curve: Curve | None = None

    @property
    def is_clipped(self) -> bool:
        return self.low > -math.inf or self.high < math.inf

    @property
    def stored(self) -> Stored | None:
        """The base, if an int8 tensor of its quantization can hold the values: ReLU and maxima need no other."""
        relu = self.low in (0.0, -math.inf) and self.high == math.inf
        return self.base if isinstance(self.base, Stored) and relu else None

    def clipped(self, low: float, high: float, node: OnnxNode) -> "Real":
        """The values limited to [low, high] after the limits that are there; of crossed limits the upper one counts.

        Raises:
            Refused: If that would change the zeros of a border.
        """
        if not low <= 0 <= high and any(isinstance(pool, Border) and not pool.lowest for pool in self.pools):
            raise node.refusal("limits", f"[{low}, {high}]", "they change the padding before it: put Pad after it")
        curve = self.curve and self.curve.limited(low, high)
        low, high = min(max(self.low, low), high), min(max(self.high, low), high)
        return replace(self, low=low, high=high, last=node, curve=curve)

    def pooled(self, pool: Arrangement, node: OnnxNode) -> "Real":
        """The values with one more maximum, border or move."""
        return replace(self, pools=(*self.pools, pool), last=node, curve=None)


@dataclass(frozen=True, eq=False)
class Grouped:
    """A tensor whose channels the file has in two dimensions, [1, groups, C / groups, H, W].

    Attributes:
        swapped: These two in the other order.
    """

    value: Real | Quantized
    groups: int
    swapped: bool = False


class Origin(Enum):
    """What is known about how a tensor downstream of a refused node came about."""

    UNKNOWN = auto()
    CONSTANT = auto()
    CONVOLUTION = auto()
    COMPUTED = auto()


@dataclass(frozen=True)
class Unknown:
    """A tensor downstream of a refused node, with what is known of it so that what follows can be checked too.

    Attributes:
        shape: None if unknown, or of other than two or four dimensions.
        layout: How the file arranges it.
        origin: CONSTANT if it depends on constants alone, CONVOLUTION if a convolution or fully connected layer made it
            and nothing rounded it since, COMPUTED if another operator did whose result must be rounded.
    """

    shape: Shape | None = None
    layout: Layout = CHANNELS_FIRST
    origin: Origin = Origin.UNKNOWN


Known = Constant | QuantizedConstant
"""What needs no computation at run time."""

Value = Known | Quantized | Real | Unknown | Grouped


def is_constant(value: Value) -> bool:
    """Whether it depends on constants alone, known or downstream of a refused node."""
    return isinstance(value, Constant | QuantizedConstant) or (
        isinstance(value, Unknown) and value.origin is Origin.CONSTANT
    )
