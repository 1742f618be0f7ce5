"""Hypothesis strategies: small networks of random layers, and architectures to run them on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from tcugen.arch import BUS_SIZES, COLUMN_SIZES, PARAMETER_BYTES, ROW_SIZES, Architecture, most_lanes
from tcugen.network.check import checked_network
from tcugen.network.dilated_pool import in_steps
from tcugen.network.graph import NetworkError, Node, Shape
from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Multiply,
    Requantise,
    Resize,
    Slice,
    Table,
    Weighted,
)
from tests.properties.cases import Case

MOST_CHANNELS = 40
MOST_PIXELS = 16
MOST_LAYERS = 4
KERNELS = (3, 3, 7, 11)
"""Kernels have at most so many rows and columns, drawn for each layer."""
STRIDES = (1, 2, 3, 5)
"""Likewise strides, which may be larger than the kernel."""

LAYERS = (
    "conv", "conv", "conv", "conv", "block", "max_pool", "requantise", "average", "add", "linear", "input", "concat",
    "slice", "average_pool", "move", "views",
)  # fmt: skip

TABLES = ("table", "table", "table")
"""Layers that only machines with tables run."""

PRODUCTS = ("multiply", "per_channel", "per_channel", "unrounded", "unrounded")
"""Layers that only machines with products and with operands of one value per channel, or not rounded, run."""

DEPTHWISE = ("depthwise", "depthwise", "separable", "separable", "separable")
"""Layers that the pool unit of some machines runs."""

ACTIVATIONS = st.sampled_from((None, "relu"))


@dataclass
class _Builder:
    """A network being drawn: nodes and shapes so far, the inputs among the shapes."""

    draw: st.DrawFn
    layers: tuple[str, ...] = LAYERS
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def put_input(self, shape: Shape) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs.append(name)
        self.shapes[name] = shape
        return name

    def put(self, operator: Callable[..., Node], *inputs: str, **fields) -> str:
        node = operator(f"n{len(self.nodes)}", inputs, **fields)
        self.nodes.append(node)
        self.shapes[node.name] = node.output_shape([self.shapes[name] for name in inputs])
        return node.name

    def tensor(self) -> str:
        """Mostly the last tensor, now and then any other."""
        names = list(reversed(self.shapes))
        return self.draw(st.sampled_from(names)) if self.number(0, 4) == 4 else names[0]

    def window(self, shape: Shape, kernel: int, most_padding: int) -> dict:
        """Kernel, stride and padding that fit; padding up to `most_padding` beyond the kernel less one."""
        sides, pads = [], []
        for extent in (shape.height, shape.width):
            side = self.number(1, kernel)
            before, after = (self.number(0, side - 1 + most_padding) for _ in range(2))
            sides.append(side)
            pads.append((before, max(after, side - extent - before)))
        most = self.draw(st.sampled_from(STRIDES))
        stride = (self.number(1, most), self.number(1, most))
        (top, bottom), (left, right) = pads
        return {"kernel": tuple(sides), "stride": stride, "padding": (top, left, bottom, right)}

    def conv(self, source: str) -> str:
        shape = self.shapes[source]
        divisors = [d for d in range(1, shape.channels + 1) if shape.channels % d == 0]
        groups = self.draw(st.sampled_from(divisors)) if self.number(0, 2) == 2 else 1
        channels = groups * self.number(1, max(1, MOST_CHANNELS // groups))
        window = self.window(shape, self.draw(st.sampled_from(KERNELS)), 1)
        return self.put(Conv, source, out_channels=channels, groups=groups, activation=self.draw(ACTIVATIONS), **window)

    def depthwise(self, source: str) -> str:
        """A convolution of every channel by itself, mostly of kernels that the pool unit takes."""
        channels, window = self.shapes[source].channels, self.window(self.shapes[source], self.number(3, 4), 1)
        activation = self.draw(ACTIVATIONS)
        return self.put(Conv, source, out_channels=channels, groups=channels, activation=activation, **window)

    def max_pool(self, source: str) -> str:
        """A max-pool, now and then with taps that are apart, if every window then has some of the picture."""
        shape = self.shapes[source]
        window = self.window(shape, 4, 0)
        plain = MaxPool("", (source,), **window)
        dilated = replace(plain, dilation=(self.number(1, 3), self.number(1, 3))) if self.draw(st.booleans()) else plain
        try:
            steps = in_steps(dilated)
            rows = shape
            for step in steps:
                rows = step.output_shape([rows])
        except NetworkError:
            steps = (plain,)
        for step in steps:
            fields = {"kernel": step.kernel, "stride": step.stride, "padding": step.padding, "dilation": step.dilation}
            source = self.put(MaxPool, source, **fields)
        return source

    def separable(self, source: str) -> str:
        """A convolution of one pixel, to more channels, and a depthwise one right after it."""
        channels = self.number(1, 2 * MOST_CHANNELS)
        return self.depthwise(self.put(Conv, source, out_channels=channels, kernel=(1, 1)))

    def block(self, source: str) -> str:
        """A convolution that keeps the shape, and the add of its input, in either order of operands."""
        shape = self.shapes[source]
        before = [self.number(0, 2), self.number(0, 2)]
        padding = (before[0], before[1], 2 - before[0], 2 - before[1])
        branch = self.put(Conv, source, out_channels=shape.channels, kernel=(3, 3), padding=padding)
        operands = (branch, source) if self.draw(st.booleans()) else (source, branch)
        return self.put(Add, *operands, activation=self.draw(ACTIVATIONS))

    def add(self, source: str) -> str:
        """An add of two tensors of one shape, perhaps of one to itself."""
        alike = [name for name, shape in self.shapes.items() if shape == self.shapes[source]]
        return self.put(Add, source, self.draw(st.sampled_from(alike)), activation=self.draw(ACTIVATIONS))

    def multiply(self, source: str) -> str:
        """A product of two tensors of one shape, perhaps of one with itself."""
        alike = [name for name, shape in self.shapes.items() if shape == self.shapes[source]]
        return self.put(Multiply, source, self.draw(st.sampled_from(alike)), activation=self.draw(ACTIVATIONS))

    def per_channel(self, source: str) -> str:
        """A product or sum with one value per channel, in either order."""
        operands = (source, self.put(GlobalAveragePool, source))
        operands = operands if self.draw(st.booleans()) else operands[::-1]
        operator = self.draw(st.sampled_from((Add, Multiply)))
        return self.put(operator, *operands, activation=self.draw(ACTIVATIONS))

    def unrounded(self, source: str) -> str:
        """An add that takes a convolution of its other operand unrounded; that one may have one value per channel."""
        shape, side = self.shapes[source], self.draw(st.sampled_from((1, 3)))
        padding, channels = (side // 2,) * 4, shape.channels
        branch = self.put(Conv, source, out_channels=channels, kernel=(side, side), padding=padding)
        other = self.put(GlobalAveragePool, source) if self.draw(st.booleans()) else source
        index, activation = self.number(0, 1), self.draw(ACTIVATIONS)
        operands = (branch, other) if index == 0 else (other, branch)
        total = self.put(Add, *operands, activation=activation, unrounded=index)
        del self.shapes[branch]  # nothing else may read it
        return total

    def concat(self, source: str) -> str:
        """A concat of two or three tensors of the same rows and columns, perhaps of one with itself."""
        sides = (self.shapes[source].height, self.shapes[source].width)
        alike = [name for name, shape in self.shapes.items() if (shape.height, shape.width) == sides]
        more = self.draw(st.lists(st.sampled_from(alike), min_size=1, max_size=2))
        flags = st.lists(st.booleans(), min_size=1 + len(more), max_size=1 + len(more)) | st.just(
            [True] * (1 + len(more))
        )
        return self.put(Concat, source, *more, same_scale=tuple(self.draw(st.just([]) | flags)))

    def views(self, source: str) -> str:
        """Two convolutions of whole words, joined, and perhaps a slice of whole words of them."""
        channels = 8 * self.number(1, 4)
        first = self.put(Conv, source, out_channels=channels, kernel=(1, 1), activation=self.draw(ACTIVATIONS))
        second = self.conv_of(self.draw(st.sampled_from((source, first))), 8 * self.number(1, 4) - self.number(0, 1))
        joined = self.put(Concat, first, second, same_scale=(True, True))
        return (
            self.put(Slice, joined, channels=(8, self.shapes[joined].channels)) if self.draw(st.booleans()) else joined
        )

    def conv_of(self, source: str, channels: int) -> str:
        """A convolution that keeps rows and columns."""
        return self.put(Conv, source, out_channels=channels, kernel=(3, 3), padding=(1, 1, 1, 1))

    def slice(self, source: str) -> str:
        """Any range of channels."""
        start = self.number(0, self.shapes[source].channels - 1)
        return self.put(Slice, source, channels=(start, self.number(start + 1, self.shapes[source].channels)))

    def move(self, source: str) -> str:
        """Channels in another order, or pixels of channels or of themselves, up to twice as many."""
        shape = self.shapes[source]
        divisors = [d for d in range(1, shape.channels + 1) if shape.channels % d == 0]
        kinds = ["shuffle", "resize"] * (max(shape.height, shape.width) <= MOST_PIXELS) + ["shuffle"]
        kinds += ["DCR", "CRD"] * (shape.channels % 4 == 0 and max(shape.height, shape.width) <= MOST_PIXELS)
        kind = self.draw(st.sampled_from(kinds))
        if kind == "shuffle":
            return self.put(ChannelShuffle, source, groups=self.draw(st.sampled_from(divisors)))
        if kind == "resize":
            return self.put(Resize, source, factor=(self.number(1, 2), self.number(1, 2)))
        return self.put(DepthToSpace, source, block=2, mode=kind)

    def layer(self) -> None:
        kind, source = self.draw(st.sampled_from(self.layers)), self.tensor()
        shape = self.shapes[source]
        if kind == "block":
            self.block(source)
        elif kind == "max_pool":
            self.max_pool(source)
        elif kind == "average_pool":
            counts = self.draw(st.booleans())
            self.put(AveragePool, source, count_include_pad=counts, **self.window(shape, 4, 0))
        elif kind == "move":
            self.move(source)
        elif kind == "requantise":
            self.put(Requantise, source)
        elif kind == "table":
            self.put(Table, source, function=self.draw(st.sampled_from(("custom", "silu", "leaky_relu"))))
        elif kind == "average":
            self.put(GlobalAveragePool, source)
        elif kind == "add":
            self.add(source)
        elif kind == "multiply":
            self.multiply(source)
        elif kind == "depthwise":
            self.depthwise(source)
        elif kind == "separable":
            self.separable(source)
        elif kind == "per_channel":
            self.per_channel(source)
        elif kind == "unrounded":
            self.unrounded(source)
        elif kind == "concat":
            self.concat(source)
        elif kind == "views":
            self.views(source)
        elif kind == "slice":
            self.slice(source)
        elif kind == "input":
            self.put(Add, self.put_input(shape), source)
        elif kind == "linear":
            if (shape.height, shape.width) != (1, 1):
                source = self.put(GlobalAveragePool, source)
            self.put(Linear, source, out_channels=self.number(1, 70), activation=self.draw(ACTIVATIONS))
        else:
            self.conv(source)


@st.composite
def cases(draw: st.DrawFn, tables: int = 0, products: int = 0, depthwise: int = 0) -> Case:
    """Networks of one to `MOST_LAYERS` layers, some of two nodes, with random integers."""
    builder = _Builder(draw, LAYERS + TABLES * tables + PRODUCTS * products + DEPTHWISE * depthwise)
    pixels = st.integers(1, MOST_PIXELS)
    builder.put_input(Shape(draw(st.integers(1, MOST_CHANNELS)), draw(pixels), draw(pixels)))
    for _ in range(draw(st.integers(1, MOST_LAYERS))):
        builder.layer()
    inputs = [(name, builder.shapes[name]) for name in builder.inputs]
    whole = [node.name for node in builder.nodes if node.name in builder.shapes]
    kept = draw(st.lists(st.sampled_from(whole), max_size=2, unique=True))
    network = checked_network("random", inputs, builder.nodes, kept, extract=True)
    some = draw(st.lists(st.sampled_from(list(network.shapes)), max_size=3, unique=True))
    zero_points = tuple((name, draw(st.integers(-128, 127))) for name in some)
    can_store_sums = isinstance(network.nodes[-1], Weighted)
    sums, extreme = can_store_sums and draw(st.booleans()), draw(st.integers(0, 3)) == 3
    return Case(network, draw(st.integers(0, 2**16)), zero_points, sums, extreme)


def _powers(low: int, high: int) -> list[int]:
    return [1 << k for k in range(low.bit_length() - 1, high.bit_length())]


@st.composite
def architectures(draw: st.DrawFn, tables: int = 0, products: int = 0, depthwise: int = 0) -> Architecture:
    """Any array, rectangular ones too, with tiny or small memory and rings of any size."""
    rows = draw(st.sampled_from(ROW_SIZES))
    columns = draw(st.sampled_from((4, 8, 16, 32)) | st.sampled_from(COLUMN_SIZES))
    beats = [size for size in BUS_SIZES if rows * columns % size == PARAMETER_BYTES * columns % size == 0]
    return Architecture(
        rows=rows,
        columns=columns,
        activation_kib=draw(st.sampled_from((64, 16, 8, 4, 3, 2, 1))),
        bus_bytes=draw(st.sampled_from(beats)),
        accumulator_depth=draw(st.sampled_from((256, 64, 32, 16))),
        weight_tiles=draw(st.sampled_from((256, 64, 16, 4, 2))),
        parameter_groups=draw(st.sampled_from((32, 8, 4, 2))),
        output_lanes=draw(st.sampled_from(_powers(1, most_lanes(rows, columns)))),
        tables=tables,
        multiply=products,
        per_channel=products,
        unrounded_add=products,
        depthwise=draw(st.sampled_from(_powers(max(1, rows // 8), rows))) if depthwise else 0,
    )
