"""Files of one operator each."""

from collections.abc import Callable

import numpy as np

from tests.tflite.files import File

Case = Callable[[], tuple[File, int]]


def _conv(shape=(8, 3, 3, 4), image=(1, 6, 6, 4), **options) -> Case:
    def build():
        file = File(image)
        return file, file.conv(file.image, shape, **options)

    return build


def _pool(kind, window=(2, 2), strides=(2, 2), padding=1, image=(1, 6, 6, 4), activation=0) -> Case:
    def build():
        file = File(image, scale=0.05, zero_point=-7)
        sides = [
            -(-side // step) if padding == 0 else (side - size) // step + 1
            for side, step, size in zip(image[1:3], strides, window, strict=True)
        ]
        y = file.tensor((1, *sides, image[3]), 0.05, -7)
        options = {"padding": padding, "filterHeight": window[0], "filterWidth": window[1], "strideH": strides[0]}
        options |= {"strideW": strides[1], "fusedActivationFunction": activation}
        return file, file.op(kind, [file.image], y, table="Pool2DOptions", **options)

    return build


def _connected(image=(1, 24), outputs=5, bias=True, after=None) -> Case:
    def build():
        file = File(image)
        count = int(np.prod(image))
        weights = file.tensor((outputs, count), 0.002, 0, data=file.rng.integers(-127, 128, (outputs, count)))
        numbers = file.rng.integers(-3000, 3000, outputs)
        inputs = [
            file.image,
            weights,
            file.tensor((outputs,), 0.02 * np.float32(0.002), 0, "INT32", numbers) if bias else -1,
        ]
        y = file.tensor(after or (1, outputs), 0.01, 4)
        return file, file.op("FULLY_CONNECTED", inputs, y, table="FullyConnectedOptions")

    return build


def _two(kind, table, activation=0, scales=(0.0213, 0.0347, 0.0411), shape=None, constant=False) -> Case:
    """Two tensors: the image through two maxima of another scale, or a constant."""

    def build():
        file = File(scale=scales[0])
        if constant:
            other = file.tensor((4,), scales[1], 2, data=file.rng.integers(-128, 128, 4))
        else:
            other = file.conv(file.image, (4, 1, 1, 4), scale=scales[1], zero_point=6)
            if shape == "pixel":
                other = file.op(
                    "MEAN",
                    [other, file.numbers([1, 2])],
                    file.tensor((1, 1, 1, 4), scales[1], 6),
                    table="ReducerOptions",
                    keepDims=True,
                )
        y = file.tensor((1, 6, 6, 4), scales[2], -9)
        return file, file.op(kind, [file.image, other], y, table=table, fusedActivationFunction=activation)

    return build


def _function(kind, scale=0.04, zero_point=1, table=None, kind_of="INT8", **options) -> Case:
    def build():
        file = File(scale=0.05, zero_point=-2)
        return file, file.op(
            kind, [file.image], file.tensor((1, 6, 6, 4), scale, zero_point, kind_of), table=table, **options
        )

    return build


def _mean(keep: bool) -> Case:
    def build():
        file = File(scale=0.05, zero_point=-7)
        y = file.tensor((1, 1, 1, 4) if keep else (1, 4), 0.01, 5)
        axes = file.numbers([1, 2])
        return file, file.op("MEAN", [file.image, axes], y, table="ReducerOptions", keepDims=keep)

    return build


def _pad() -> tuple[File, int]:
    file = File()
    sides = file.numbers([[0, 0], [1, 2], [0, 1], [0, 0]])
    padded = file.op("PAD", [file.image, sides], file.tensor((1, 9, 7, 4), 0.02, 3), table="PadOptions")
    return file, file.conv(padded, (8, 3, 3, 4), padding=1)


def _concat() -> tuple[File, int]:
    file = File()
    other = file.conv(file.image, (3, 1, 1, 4), scale=0.02, zero_point=3)
    y = file.tensor((1, 6, 6, 7), 0.02, 3)
    return file, file.op("CONCATENATION", [file.image, other], y, table="ConcatenationOptions", axis=-1)


def _flatten() -> tuple[File, int]:
    """A picture of several pixels and channels in one row, then a fully connected layer on it."""
    file = File((1, 3, 2, 4))
    row = file.op("RESHAPE", [file.image, file.numbers([1, 24])], file.tensor((1, 24), 0.02, 3), table="ReshapeOptions")
    weights = file.tensor((5, 24), 0.002, 0, data=file.rng.integers(-127, 128, (5, 24)))
    return file, file.op(
        "FULLY_CONNECTED", [row, weights, -1], file.tensor((1, 5), 0.01, 4), table="FullyConnectedOptions"
    )


def _slice() -> tuple[File, int]:
    file = File()
    inputs = [file.image, file.numbers([0, 0, 0, 1]), file.numbers([0, 0, 0, 3]), file.numbers([1, 1, 1, 1])]
    part = file.op(
        "STRIDED_SLICE", inputs, file.tensor((1, 6, 6, 2), 0.02, 3), table="StridedSliceOptions", beginMask=7, endMask=7
    )
    return file, file.conv(part, (5, 1, 1, 2))


def _split() -> tuple[File, int]:
    file = File()
    parts = [file.tensor((1, 6, 6, 2), 0.02, 3) for _ in range(2)]
    file.op("SPLIT", [file.numbers(3), file.image], parts, table="SplitOptions", numSplits=2)
    y = file.tensor((1, 6, 6, 2), 0.03, 0)
    return file, file.op("ADD", parts, y, table="AddOptions")


def _resize() -> tuple[File, int]:
    file = File()
    y = file.tensor((1, 12, 18, 4), 0.02, 3)
    file.op(
        "RESIZE_NEAREST_NEIGHBOR",
        [file.image, file.numbers([12, 18])],
        y,
        table="ResizeNearestNeighborOptions",
        halfPixelCenters=True,
    )
    return file, y


def _depth_to_space() -> tuple[File, int]:
    file = File((1, 3, 3, 8))
    y = file.tensor((1, 6, 6, 2), 0.02, 3)
    return file, file.op("DEPTH_TO_SPACE", [file.image], y, table="DepthToSpaceOptions", blockSize=2)


def _transpose_conv(padding: int, sides: tuple[int, int]) -> Case:
    def build():
        file = File((1, 4, 3, 4))
        weights = file.tensor(
            (5, 3, 3, 4), file.rng.uniform(0.001, 0.003, 5), 0, data=file.rng.integers(-127, 128, (5, 3, 3, 4))
        )
        y = file.tensor((1, *sides, 5), 0.03, 2)
        inputs = [file.numbers([1, *sides, 5]), weights, file.image]
        file.op("TRANSPOSE_CONV", inputs, y, table="TransposeConvOptions", padding=padding, strideH=2, strideW=2)
        return file, y

    return build


def _uint8() -> tuple[File, int]:
    """A file of the older kind: everything in uint8, weights with a zero point."""
    file = File(kind="UINT8", zero_point=120)
    weights = file.tensor((5, 3, 3, 4), 0.002, 128, "UINT8", file.rng.integers(0, 256, (5, 3, 3, 4)))
    bias = file.tensor((5,), np.float32(0.02) * np.float32(0.002), 0, "INT32", file.rng.integers(-3000, 3000, 5))
    y = file.tensor((1, 6, 6, 5), 0.03, 131, "UINT8")
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    return file, file.op("CONV_2D", [file.image, weights, bias], y, table="Conv2DOptions", **options)


def _float_ends() -> tuple[File, int]:
    """Real values in and out."""
    file = File(kind="FLOAT32", scale=None)
    x = file.op("QUANTIZE", [file.image], file.tensor((1, 6, 6, 4), 0.02, 3), table="QuantizeOptions")
    return file, file.op(
        "DEQUANTIZE", [file.conv(x, (5, 3, 3, 4))], file.tensor((1, 6, 6, 5), kind="FLOAT32"), table="DequantizeOptions"
    )


def _uint8_ends() -> tuple[File, int]:
    """uint8 in and out around int8."""
    file = File(kind="UINT8", zero_point=131)
    x = file.op("QUANTIZE", [file.image], file.tensor((1, 6, 6, 4), 0.02, 3), table="QuantizeOptions")
    y = file.conv(x, (5, 3, 3, 4))
    return file, file.op("QUANTIZE", [y], file.tensor((1, 6, 6, 5), 0.03, 123, "UINT8"), table="QuantizeOptions")


def _extreme(kind: str) -> Case:
    """The larger or smaller of the image and one constant."""

    def build():
        file = File()
        inputs = [file.image, file.tensor((1,), 0.02, 3, data=[20])]
        return file, file.op(kind, inputs, file.tensor((1, 6, 6, 4), 0.02, 3), table="MaximumMinimumOptions")

    return build


def _prelu() -> tuple[File, int]:
    file = File()
    slope = file.tensor((1, 1, 4), 0.004, 0, data=[[[40, 40, 40, 40]]])
    return file, file.op("PRELU", [file.image, slope], file.tensor((1, 6, 6, 4), 0.02, -40))


def _padv2() -> tuple[File, int]:
    file = File()
    inputs = [file.image, file.numbers([[0, 0], [1, 1], [1, 1], [0, 0]]), file.tensor((), 0.02, 3, data=3)]
    padded = file.op("PADV2", inputs, file.tensor((1, 8, 8, 4), 0.02, 3), table="PadV2Options")
    return file, file.conv(padded, (8, 3, 3, 4), padding=1)


def _split_v() -> tuple[File, int]:
    file = File()
    parts = [file.tensor((1, 6, 6, channels), 0.02, 3) for channels in (1, 3)]
    file.op("SPLIT_V", [file.image, file.numbers([1, 3]), file.numbers(-1)], parts, table="SplitVOptions", numSplits=2)
    return file, file.conv(parts[1], (5, 1, 1, 3))


def _begin_and_size() -> tuple[File, int]:
    file = File()
    inputs = [file.image, file.numbers([0, 0, 0, 2]), file.numbers([1, 6, 6, -1])]
    part = file.op("SLICE", inputs, file.tensor((1, 6, 6, 2), 0.02, 3), table="SliceOptions")
    return file, file.conv(part, (5, 1, 1, 2))


def _squeezed() -> tuple[File, int]:
    """A mean without its pixels, and with them again, times the image."""
    file = File(scale=0.02)
    mean = file.op(
        "MEAN",
        [file.image, file.numbers([1, 2])],
        file.tensor((1, 1, 1, 4), 0.003, 6),
        table="ReducerOptions",
        keepDims=True,
    )
    row = file.op("SQUEEZE", [mean], file.tensor((1, 4), 0.003, 6), table="SqueezeOptions", squeezeDims=[1, 2])
    sides = file.op(
        "RESHAPE", [row, file.numbers([1, 1, 1, 4])], file.tensor((1, 1, 1, 4), 0.003, 6), table="ReshapeOptions"
    )
    y = file.tensor((1, 6, 6, 4), 0.002, 0)
    return file, file.op("MUL", [file.image, sides], y, table="MulOptions")


def _reduce_max() -> tuple[File, int]:
    file = File()
    y = file.tensor((1, 1, 1, 4), 0.02, 3)
    return file, file.op("REDUCE_MAX", [file.image, file.numbers([1, 2])], y, table="ReducerOptions", keepDims=True)


CASES: dict[str, Case] = {
    "conv": _conv(),
    "conv, stride 2, even": _conv(strides=(2, 2), activation=1),
    "conv, stride 2, odd": _conv(image=(1, 7, 5, 4), strides=(2, 2), activation=3),
    "conv, valid": _conv(shape=(5, 3, 2, 4), padding=1, activation=2),
    "conv, dilated": _conv(image=(1, 9, 9, 4), dilationHFactor=2, dilationWFactor=3),
    "conv, groups": _conv(shape=(8, 3, 3, 2)),
    "depthwise": _conv(shape=(1, 3, 3, 4), depthwise=True, activation=1),
    "depthwise, multiplier 2": _conv(shape=(1, 3, 3, 8), depthwise=True, strides=(2, 2)),
    "transposed, same": _transpose_conv(0, (8, 6)),
    "transposed, valid": _transpose_conv(1, (9, 7)),
    "connected": _connected(),
    "connected, no bias": _connected(bias=False),
    "connected, picture": _connected(image=(1, 3, 2, 4)),
    "flatten": _flatten,
    "maximum": _pool("MAX_POOL_2D"),
    "maximum, same": _pool("MAX_POOL_2D", (3, 3), (2, 2), 0, (1, 7, 6, 4), 1),
    "average": _pool("AVERAGE_POOL_2D"),
    "average, same": _pool("AVERAGE_POOL_2D", (3, 3), (2, 2), 0, (1, 7, 6, 4)),
    "average, whole": _pool("AVERAGE_POOL_2D", (6, 6), (6, 6)),
    "mean": _mean(True),
    "mean, flat": _mean(False),
    "add": _two("ADD", "AddOptions"),
    "add, relu": _two("ADD", "AddOptions", 1),
    "add, constant": _two("ADD", "AddOptions", constant=True),
    "subtract": _two("SUB", "SubOptions"),
    "multiply": _two("MUL", "MulOptions", scales=(0.02, 0.02, 0.01)),
    "multiply, pixel": _two("MUL", "MulOptions", scales=(0.02, 0.02, 0.01), shape="pixel"),
    "multiply, constant": _two("MUL", "MulOptions", constant=True),
    "concat": _concat,
    "slice": _slice,
    "split": _split,
    "pad": _pad,
    "resize": _resize,
    "depth to space": _depth_to_space,
    "quantize": _function("QUANTIZE", 0.07, -20, "QuantizeOptions"),
    "logistic": _function("LOGISTIC", 1 / 256, -128),
    "tanh": _function("TANH", 1 / 128, 0),
    "hard_swish": _function("HARD_SWISH", 0.03, -110, "HardSwishOptions"),
    "leaky_relu": _function("LEAKY_RELU", 0.05, -100, "LeakyReluOptions", alpha=0.2),
    "relu": _function("RELU", 0.03, -128),
    "relu6": _function("RELU6", 0.03, -128),
    "elu": _function("ELU", 0.05, -2),
    "exp": _function("EXP", 2.5, -128, "ExpOptions"),
    "gelu": _function("GELU", 0.05, -2, "GeluOptions"),
    "maximum of two": _extreme("MAXIMUM"),
    "minimum of two": _extreme("MINIMUM"),
    "prelu": _prelu,
    "pad with a value": _padv2,
    "split, sizes": _split_v,
    "slice, sizes": _begin_and_size,
    "squeeze": _squeezed,
    "maximum of all": _reduce_max,
    "uint8": _uint8,
    "float ends": _float_ends,
    "uint8 ends": _uint8_ends,
}
"""By name."""
