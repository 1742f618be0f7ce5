"""Where the bytes of each tensor stand relative to its base."""

from tcugen.arch import Architecture
from tcugen.mapping.tasks import ConvTask, Task
from tcugen.network.graph import Shape
from tcugen.program import TensorLayout


def align(value: int, unit: int) -> int:
    """The smallest multiple of `unit` that is not below `value`."""
    return -(-value // unit) * unit


def layout_of(shape: Shape, pixel_bytes: int, architecture: Architecture, int32: bool = False) -> TensorLayout:
    """Planes of `rows` channels, rows of a plane aligned to the bus."""
    row_bytes = align(shape.width * pixel_bytes, architecture.bus_bytes)
    return TensorLayout(
        channels=shape.channels,
        height=shape.height,
        width=shape.width,
        word=architecture.rows,
        pixel_bytes=pixel_bytes,
        row_bytes=row_bytes,
        plane_bytes=shape.height * row_bytes,
        int32=int32,
    )


def choose_layouts(
    inputs: tuple[tuple[str, Shape], ...], tasks: tuple[Task, ...], architecture: Architecture
) -> dict[str, TensorLayout]:
    """Layout of every tensor that exists (fused convolutions' own results do not).

    A tensor of fewer channels than array rows is packed when only convolutions without groups, whose taps along a row
    are neighbours, read it, so that several kernel columns share one array pass: a network input is packed to its
    channels, a produced tensor to the next power of two that the output lanes can write. Pools and averages write
    whole words, residual operands share the steps of the result: those stay `rows` bytes per pixel.
    """
    readers: dict[str, list[Task]] = {}
    for task in tasks:
        for name in task.reads:
            readers.setdefault(name, []).append(task)

    def may_be_packed(name: str, shape: Shape) -> bool:
        return shape.channels < architecture.rows and all(
            isinstance(task, ConvTask) and task.groups == 1 and task.dilation[1] == 1
            and task.input_shape.height * task.input_shape.width > 1 and task.residual != name
            for task in readers.get(name, [])
        )  # fmt: skip

    layouts: dict[str, TensorLayout] = {}
    for name, shape in inputs:
        pixel_bytes = shape.channels if may_be_packed(name, shape) else architecture.rows
        layouts[name] = layout_of(shape, pixel_bytes, architecture)
    for task in tasks:
        pixel_bytes, shape = architecture.rows, task.output_shape
        is_read = task.output in readers
        if isinstance(task, ConvTask) and task.residual is None and is_read and may_be_packed(task.output, shape):
            pixel_bytes = max(1 << (shape.channels - 1).bit_length(), architecture.output_lanes)
        layouts[task.output] = layout_of(shape, pixel_bytes, architecture, task.int32)
    return layouts
