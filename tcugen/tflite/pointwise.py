"""Operators of a .tflite file that go value by value."""

from collections.abc import Callable
from functools import partial

from tcugen.tflite.file import TfliteOperator
from tcugen.tflite.translation import Translation

_FUNCTIONS = {
    "ABS": "Abs",
    "CEIL": "Ceil",
    "COS": "Cos",
    "ELU": "Elu",
    "EXP": "Exp",
    "FLOOR": "Floor",
    "HARD_SWISH": "HardSwish",
    "LOGISTIC": "Sigmoid",
    "NEG": "Neg",
    "RELU": "Relu",
    "ROUND": "Round",
    "SIN": "Sin",
    "SQRT": "Sqrt",
    "TANH": "Tanh",
}
"""Functions of one tensor without options, and the operators of ONNX that are the same."""

_LIMITS: dict[str, tuple[float, float]] = {"RELU6": (0, 6), "RELU_0_TO_1": (0, 1), "RELU_N1_TO_1": (-1, 1)}

_COMBINATIONS = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul"}


def _function(kind: str, t: Translation, op: TfliteOperator) -> None:
    t.round(op, t.main(op, kind, [t.real(op, 0)]))


def _limited(bounds: tuple[float, float], t: Translation, op: TfliteOperator) -> None:
    t.round(op, t.clipped(op, t.real(op, 0), *bounds, main=True))


def _combined(kind: str, t: Translation, op: TfliteOperator) -> None:
    """Two tensors, or one and constants; dimensions that one lacks are those in front."""
    rank = max(len(t.tensor(op, index).shape) for index in range(2))
    t.finish(op, t.main(op, kind, [t.operand(op, index, rank) for index in range(2)]))


def _extreme(kind: str, t: Translation, op: TfliteOperator) -> None:
    rank = max(len(t.tensor(op, index).shape) for index in range(2))
    t.round(op, t.main(op, kind, [t.operand(op, index, rank) for index in range(2)]))


def leaky_relu(t: Translation, op: TfliteOperator) -> None:
    """A slope below zero."""
    t.round(op, t.main(op, "LeakyRelu", [t.real(op, 0)], alpha=float(op.options.get("Alpha", 0.0))))


def prelu(t: Translation, op: TfliteOperator) -> None:
    """A constant slope below zero, one for all or one per channel."""
    x, slope = t.tensor(op, 0), t.tensor(op, 1)
    if not slope.is_constant:
        raise op.refusal("alpha", "computed at run time", "use constant slopes")
    t.round(op, t.main(op, "PRelu", [t.real(op, 0), t.operand(op, 1, len(x.shape))]))


def gelu(t: Translation, op: TfliteOperator) -> None:
    """The Gaussian error linear unit, by the error function or by tanh."""
    how = "tanh" if op.options.get("Approximate", False) else "none"
    t.round(op, t.main(op, "Gelu", [t.real(op, 0)], approximate=how))


def change_of_type(t: Translation, op: TfliteOperator) -> None:
    """QUANTIZE and DEQUANTIZE: the same real values in another type or scale."""
    t.round(op, t.real(op, 0))


POINTWISE: dict[str, Callable[[Translation, TfliteOperator], None]] = {
    **{name: partial(_function, kind) for name, kind in _FUNCTIONS.items()},
    **{name: partial(_limited, bounds) for name, bounds in _LIMITS.items()},
    **{name: partial(_combined, kind) for name, kind in _COMBINATIONS.items()},
    "MAXIMUM": partial(_extreme, "Max"),
    "MINIMUM": partial(_extreme, "Min"),
    "LEAKY_RELU": leaky_relu,
    "PRELU": prelu,
    "GELU": gelu,
    "QUANTIZE": change_of_type,
    "DEQUANTIZE": change_of_type,
}
"""By name in the format."""
