"""Reads .tflite files with the package `tflite`, which knows their format; it is imported when it is used."""

from __future__ import annotations

import importlib
import importlib.util
import math
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tcugen.model.errors import ModelError
from tcugen.tflite.file import IDENTIFIER, TfliteModel, TfliteOperator, TfliteTensor, checked, damaged

_WINDOW = ("Padding", "StrideH", "StrideW", "FusedActivationFunction")
_OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "CONV_2D": ("Conv2DOptions", (*_WINDOW, "DilationHFactor", "DilationWFactor")),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", (*_WINDOW, "DilationHFactor", "DilationWFactor")),
    "TRANSPOSE_CONV": ("TransposeConvOptions", _WINDOW),
    "FULLY_CONNECTED": ("FullyConnectedOptions", ("FusedActivationFunction", "WeightsFormat")),
    "AVERAGE_POOL_2D": ("Pool2DOptions", (*_WINDOW, "FilterHeight", "FilterWidth")),
    "MAX_POOL_2D": ("Pool2DOptions", (*_WINDOW, "FilterHeight", "FilterWidth")),
    "ADD": ("AddOptions", ("FusedActivationFunction",)),
    "SUB": ("SubOptions", ("FusedActivationFunction",)),
    "MUL": ("MulOptions", ("FusedActivationFunction",)),
    "CONCATENATION": ("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
    "LEAKY_RELU": ("LeakyReluOptions", ("Alpha",)),
    "GELU": ("GeluOptions", ("Approximate",)),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset"),
    ),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", ("AlignCorners",)),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", ("BlockSize",)),
}
"""Options of operators: their table in the format, and its fields that are read."""

_ENUMERATIONS = {
    "Padding": "Padding",
    "FusedActivationFunction": "ActivationFunctionType",
    "WeightsFormat": "FullyConnectedOptionsWeightsFormat",
}

_DTYPES = {
    "FLOAT32": "<f4",
    "FLOAT16": "<f2",
    "INT8": "i1",
    "UINT8": "u1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "BOOL": "?",
}

_RANGES = {"INT8": (-128, 127), "UINT8": (0, 255)}

_UNSOUND = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError)
"""What the package raises where offsets or lengths point nowhere."""


def read_tflite(path: Path | str) -> TfliteModel:
    """Read a .tflite file.

    Raises:
        ModelError: If it cannot be read, is no .tflite file or a damaged one, or has other than one input.
    """
    source = str(path)
    if importlib.util.find_spec("tflite") is None:
        raise ModelError(
            f"reading {source} needs the package tflite, which is not installed; pip install 'tcugen[tflite]'"
        )
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{source}: cannot be read ({error.strerror}); give the path of a .tflite file") from None
    if data[4:8] != IDENTIFIER:
        raise ModelError(f"{source}: is no .tflite file ({len(data):,} bytes); export or copy it again")
    try:
        model = _Reader(source, data).model()
    except ModelError:
        raise
    except _UNSOUND as error:
        raise damaged(source, f"{type(error).__name__}: {error}") from None
    return checked(source, model)


def tables() -> Any:
    """The package `tflite`, which has a class for each table of the format and comes without types."""
    return importlib.import_module("tflite")


class _Reader:
    """Follows the tables of one file; more entries than the file has bytes are not real."""

    def __init__(self, source: str, data: bytes):
        self._source, self._data, self._left = source, data, len(data)
        self._model: Any = tables().Model.GetRootAs(data, 0)
        self._names: set[str] = set()

    def model(self) -> TfliteModel:
        """The main graph, the first of the file; others belong to operators that are refused."""
        count = self._model.SubgraphsLength()
        if not count:
            raise damaged(self._source, "it has no graph")
        graph: Any = self._model.Subgraphs(0)
        inputs, outputs = self._numbers(graph.InputsAsNumpy), self._numbers(graph.OutputsAsNumpy)
        if len(inputs) != 1 or not outputs:
            raise ModelError(
                f"{self._source}: has {len(inputs)} inputs and {len(outputs)} outputs, but must have one input and at "
                "least one output; convert the part between one image and its results"
            )
        tensors = tuple(self._tensor(graph.Tensors(i)) for i in self._range(graph.TensorsLength))
        operators = tuple(self._operator(graph.Operators(i), i, tensors) for i in self._range(graph.OperatorsLength))
        used = [*inputs, *outputs]
        if not all(0 <= index < len(tensors) for index in used):
            raise damaged(self._source, f"inputs and outputs are the tensors {used} of {len(tensors)}")
        if not operators:
            raise damaged(self._source, "it has no operator")
        return TfliteModel(self._source, tensors, operators, inputs[0], outputs)

    def _range(self, length: Callable[[], int]) -> range:
        """The entries of a vector of tables."""
        count = length()
        self._spend(count)
        return range(count)

    def _numbers(self, vector: Callable[[], Any]) -> tuple[int, ...]:
        return tuple(int(number) for number in self._array(vector))

    def _array(self, vector: Callable[[], Any]) -> npt.NDArray[Any]:
        """A vector of numbers; the package gives a 0 where it is left out."""
        found = vector()
        if isinstance(found, int):
            return np.zeros(0, np.int64)
        self._spend(found.size)
        return found

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise damaged(self._source, f"its tables have more entries than it has bytes, {len(self._data):,}")

    def _tensor(self, table: Any) -> TfliteTensor:
        kind = _names_of("TensorType").get(table.Type(), str(table.Type()))
        shape = self._numbers(table.ShapeAsNumpy)
        if any(side < 1 for side in shape):
            raise damaged(self._source, f"a tensor of shape {list(shape)}")
        quantization: Any = table.Quantization()
        if quantization is None:
            scale, points, dimension = np.zeros(0), np.zeros(0), 0
        else:
            scale, points = self._array(quantization.ScaleAsNumpy), self._array(quantization.ZeroPointAsNumpy)
            dimension = quantization.QuantizedDimension()
        if points.size == 0 or scale.size == 0:
            points = np.zeros(scale.size)
        if points.size not in (1, scale.size):
            raise damaged(self._source, f"{scale.size} scales and {points.size} zero points")
        low, high = _RANGES.get(kind, (-math.inf, math.inf))
        if points.size and not (low <= points.min() and points.max() <= high):
            raise damaged(self._source, f"a zero point of {points.min()} or {points.max()} for {kind}")
        is_constant, array = self._values(table, kind, shape)
        return TfliteTensor(
            name=_text(table.Name()),
            kind=kind,
            shape=shape,
            is_dynamic=any(side < 0 for side in self._numbers(table.ShapeSignatureAsNumpy)[1:]),
            scale=scale.astype(np.float32),
            zero_point=points.astype(np.int64),
            dimension=dimension,
            is_constant=is_constant,
            array=array,
        )

    def _values(self, table: Any, kind: str, shape: tuple[int, ...]) -> tuple[bool, npt.NDArray[Any] | None]:
        """Whether the file has values of a tensor, and those."""
        buffer: Any = self._model.Buffers(table.Buffer())
        if buffer is None or (buffer.DataLength() == 0 and buffer.Size() == 0):
            return False, None
        dtype = _DTYPES.get(kind)
        if dtype is None or table.Sparsity() is not None or buffer.DataLength() == 0:
            return True, None
        values = buffer.DataAsNumpy().view(dtype)
        if values.size != np.prod(shape, dtype=object):
            raise damaged(self._source, f"{values.size} values for a tensor of shape {list(shape)}")
        return True, values.reshape(shape)

    def _operator(self, table: Any, index: int, tensors: tuple[TfliteTensor, ...]) -> TfliteOperator:
        code: Any = self._model.OperatorCodes(table.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        op = _names_of("BuiltinOperator").get(number, f"operator {number}")
        if op == "CUSTOM":
            op = f"CUSTOM {_text(code.CustomCode())}"
        inputs, outputs = self._numbers(table.InputsAsNumpy), self._numbers(table.OutputsAsNumpy)
        used = [number for number in (*inputs, *outputs) if number != -1]
        if not outputs or -1 in outputs or not all(0 <= number < len(tensors) for number in used):
            raise damaged(self._source, f"operator {index} uses the tensors {used} of {len(tensors)}")
        name = self._name(tensors[outputs[0]].name, f"{op.lower()}_{index}")
        return TfliteOperator(name, op, inputs, outputs, self._options(table, op))

    def _name(self, output: str, other: str) -> str:
        """A name that no operator has yet."""
        first = output.split(";")[0].split(":")[0] or other
        name, number = first, 2
        while name in self._names:
            name, number = f"{first}_{number}", number + 1
        self._names.add(name)
        return name

    def _options(self, table: Any, op: str) -> dict[str, Any]:
        union: Any = table.BuiltinOptions()
        if op not in _OPTIONS or union is None:
            return {}
        title, fields = _OPTIONS[op]
        if table.BuiltinOptionsType() != getattr(tables().BuiltinOptions, title):
            raise damaged(self._source, f"{op} has the options of another operator")
        options: Any = getattr(tables(), title)()
        options.Init(union.Bytes, union.Pos)
        found = {name: getattr(options, name)() for name in fields}
        for name, enumeration in _ENUMERATIONS.items():
            if name in found:
                found[name] = _names_of(enumeration).get(found[name], str(found[name]))
        return found


@cache
def _names_of(enumeration: str) -> dict[int, str]:
    """Names of an enumeration of the format by their numbers."""
    values = cast(dict[str, object], vars(getattr(tables(), enumeration)))
    return {number: name for name, number in values.items() if isinstance(number, int)}


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "replace")
