"""Kernel, stride and padding from the attributes of convolutions and pools."""

from tcugen.network.fields import MAX_KERNEL
from tcugen.network.graph import Shape
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.walk import Review

Geometry = tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int]]


def review_window(review: Review, kernel: list[int], may_dilate: bool) -> None:
    """Adds what is in the way of a window of any kind: other than two dimensions, unknown padding, dilation unless it
    may be there."""
    attributes = review.node.attributes
    review.require(
        len(kernel) == 2 and all(side >= 1 for side in kernel),
        "kernel_shape",
        kernel,
        "only two-dimensional kernels, of at least 1x1, run on the hardware",
    )
    dilations = attributes.get("dilations", [1, 1])
    if may_dilate:
        holds = len(dilations) == 2 and all(1 <= dilation <= MAX_KERNEL for dilation in dilations)
        review.require(holds, "dilations", dilations, f"give [y, x] from 1 to {MAX_KERNEL}")
    else:
        review.require(
            all(dilation == 1 for dilation in dilations), "dilations", dilations, "an average takes neighbours only"
        )
    auto = attributes.get("auto_pad", "NOTSET")
    review.require(
        auto in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"), "auto_pad", auto, "give the padding in pads"
    )
    pads = attributes.get("pads", [0, 0, 0, 0])
    review.require(
        len(pads) == 4 and all(pad >= 0 for pad in pads), "pads", pads, "give [top, left, bottom, right] of at least 0"
    )
    strides = attributes.get("strides", [1, 1])
    review.require(
        len(strides) == 2 and all(stride >= 1 for stride in strides), "strides", strides, "give [y, x] of at least 1"
    )


def review_dilated_pool(review: Review) -> None:
    """Adds padding that ONNX Runtime does not make as the standard says: of a pool, it forgets the dilation."""
    attributes = review.node.attributes
    auto, apart = attributes.get("auto_pad", "NOTSET"), max(attributes.get("dilations", [1])) > 1
    holds = not (apart and auto.startswith("SAME"))
    review.require(holds, "auto_pad", auto, "of a dilated pool, tools differ in what it is: give the padding in pads")


def window(node: OnnxNode, kernel: list[int], shape: Shape) -> Geometry:
    """Kernel and stride (y, x), padding (top, left, bottom, right) on an input of `shape`."""
    sides = (shape.height, shape.width)
    distance = node.attributes.get("dilations", [1, 1])
    reach = [(side - 1) * step + 1 for side, step in zip(kernel, distance, strict=True)]
    strides = tuple(node.attributes.get("strides", [1, 1]))
    pads = list(node.attributes.get("pads", [0, 0, 0, 0]))
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto != "NOTSET":
        pads = [0, 0, 0, 0]
    if auto.startswith("SAME"):
        for axis in range(2):
            outputs = -(-sides[axis] // strides[axis])
            total = max((outputs - 1) * strides[axis] + reach[axis] - sides[axis], 0)
            small, large = total // 2, total - total // 2
            pads[axis], pads[axis + 2] = (small, large) if auto == "SAME_UPPER" else (large, small)
    if node.attributes.get("ceil_mode", 0):
        for axis in range(2):
            pads[axis + 2] += _ceiling(sides[axis], reach[axis], strides[axis], pads[axis], pads[axis + 2])
    top, left, bottom, right = pads
    return (kernel[0], kernel[1]), (strides[0], strides[1]), (top, left, bottom, right)


def _ceiling(side: int, kernel: int, stride: int, before: int, after: int) -> int:
    """Padding to be added at the end so that rounding the number of windows up becomes rounding down."""
    windows = -(-(side + before + after - kernel) // stride) + 1
    if (windows - 1) * stride >= side + before:
        windows -= 1
    return max((windows - 1) * stride + kernel - (side + before + after), 0)
