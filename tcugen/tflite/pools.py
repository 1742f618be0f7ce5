"""Maxima, averages and padding of a .tflite file."""

from tcugen.tflite.file import TfliteOperator, TfliteTensor
from tcugen.tflite.translation import Translation
from tcugen.tflite.weighted import window_attributes


def max_pool_2d(t: Translation, op: TfliteOperator) -> None:
    """A maximum over windows."""
    t.finish(op, t.main(op, "MaxPool", [t.real(op, 0)], **_window(op, _picture(t, op))))


def average_pool_2d(t: Translation, op: TfliteOperator) -> None:
    """A mean over windows, of the pixels inside."""
    attributes = _window(op, _picture(t, op)) | {"count_include_pad": 0}
    t.finish(op, t.main(op, "AveragePool", [t.real(op, 0)], **attributes))


def mean(t: Translation, op: TfliteOperator) -> None:
    """The mean over rows and columns."""
    _check_axes(t, op)
    made = t.main(op, "GlobalAveragePool", [t.real(op, 0)])
    t.round(op, t.relaid(op, made, _one_pixel(t, op), t.output(op).shape))


def reduce_max(t: Translation, op: TfliteOperator) -> None:
    """The maximum over rows and columns."""
    _check_axes(t, op)
    made = t.main(op, "GlobalMaxPool", [t.real(op, 0)])
    t.round(op, t.relaid(op, made, _one_pixel(t, op), t.output(op).shape))


def pad(t: Translation, op: TfliteOperator) -> None:
    """Zeros around the pixels; the last input of PADV2 is what is put there, as an integer of the tensor."""
    x = _picture(t, op)
    sides = t.values(op, 1, "paddings").reshape(-1, 2).tolist()
    if len(sides) != 4:
        raise op.refusal("paddings", sides, "give [before, after] of each of four dimensions")
    if op.has_input(2):
        value = t.values(op, 2, "value").reshape(-1)
        zero = x.zero_point[0] if x.is_integer else 0
        if value.size != 1 or value[0] != zero:
            raise op.refusal("value", value.tolist(), f"only zeros can be put around a picture: use {zero}")
    (n, _), rows, columns, channels = sides
    pads = [n, channels[0], rows[0], columns[0], sides[0][1], channels[1], rows[1], columns[1]]
    t.round(op, t.main(op, "Pad", [t.real(op, 0), t.constant(pads)], mode="constant"))


def _window(op: TfliteOperator, x: TfliteTensor) -> dict[str, object]:
    kernel = [int(op.options.get("FilterHeight", 1)), int(op.options.get("FilterWidth", 1))]
    return window_attributes(op, x.shape, kernel)


def _picture(t: Translation, op: TfliteOperator) -> TfliteTensor:
    """Input 0. Raises Refused if it has no rows and columns."""
    x = t.tensor(op, 0)
    if len(x.shape) != 4:
        raise op.refusal(f"input {x.name!r}", f"of shape {list(x.shape)}", "use [1, height, width, channels]")
    return x


def _check_axes(t: Translation, op: TfliteOperator) -> None:
    x = _picture(t, op)
    axes = t.values(op, 1, "axes").reshape(-1).tolist()
    if sorted(axis % len(x.shape) for axis in axes) != [1, 2]:
        raise op.refusal("axes", axes, "only rows and columns can be taken together: use 1 and 2")


def _one_pixel(t: Translation, op: TfliteOperator) -> tuple[int, ...]:
    return 1, 1, 1, t.tensor(op, 0).shape[3]
