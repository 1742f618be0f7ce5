"""The ONNX graph in QDQ form that a .tflite file becomes: channels first, real values around every operator."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tcugen.model.problems import Problem, Refused
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.tflite.file import TfliteModel, TfliteOperator, TfliteTensor

FOREIGN = "tflite"
"""Domain of the operators that have no translation; the importer knows none of it."""

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]

_CONVERT = "convert with full integer quantization, int8 activations and a representative data set"


def channels_first(shape: Sequence[int]) -> list[int]:
    """Dimensions in the order that the graph has them in: those of two stay."""
    return [shape[axis] for axis in TO_CHANNELS_FIRST] if len(shape) == 4 else list(shape)


def moves_nothing(shape: Sequence[int]) -> bool:
    """Whether channels first and channels last are the same order of elements."""
    return len(shape) != 4 or shape[3] == 1 or shape[1] * shape[2] == 1


@dataclass(eq=False)
class Translation:
    """Nodes so far.

    Attributes:
        model: The file.
        nodes, constants: Of the graph.
        owners: Number of the file's operator by name of node.
        refused: Why an operator has no translation, by its number.
        names: Of tensors in the graph, by number.
    """

    model: TfliteModel
    nodes: list[OnnxNode] = field(default_factory=list[OnnxNode])
    constants: dict[str, npt.NDArray[Any]] = field(default_factory=dict[str, npt.NDArray[Any]])
    owners: dict[str, int] = field(default_factory=dict[str, int])
    refused: dict[int, tuple[Problem, ...]] = field(default_factory=dict[int, tuple[Problem, ...]])
    names: dict[int, str] = field(default_factory=dict[int, str])

    def __post_init__(self) -> None:
        self._owner = self._start = 0
        self._taken: set[str] = set()
        self._reals: dict[int, str] = {}
        for index, tensor in enumerate(self.model.tensors):
            self.names[index] = self._unique(tensor.name.split(";")[0] or f"tensor_{index}")

    def begin(self, index: int) -> None:
        """Nodes from here on belong to operator `index`."""
        self._owner, self._start = index, len(self.nodes)

    def tensor(self, op: TfliteOperator, index: int) -> TfliteTensor:
        """The tensor of an input. Raises Refused if it is left out."""
        if not op.has_input(index):
            raise op.refusal(f"input {index}", "missing", "the operator needs it: convert the model again")
        return self.model.tensors[op.inputs[index]]

    def output(self, op: TfliteOperator, index: int = 0) -> TfliteTensor:
        """The tensor of an output."""
        return self.model.tensors[op.outputs[index]]

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.int64) -> str:
        """A constant of the graph."""
        name = self._unique("constant")
        self.constants[name] = np.asarray(value, dtype)
        return name

    def main(self, op: TfliteOperator, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """The node that `op` becomes, under its name; returns its output."""
        return self._node(self._free(op.name), kind, inputs, attributes)

    def helper(self, op: TfliteOperator, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node that `op` needs besides; returns its output."""
        return self._node(self._free(f"{op.name}.{kind.lower()}"), kind, inputs, attributes)

    def several(self, op: TfliteOperator, kind: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """As `main`, of a node with `count` outputs."""
        name = self._free(op.name)
        made = [self._unique(f"{name}.output") for _ in range(count)]
        self.owners[name] = self._owner
        self.nodes.append(OnnxNode(name, kind, tuple(inputs), tuple(made), attributes))
        return made

    def values(self, op: TfliteOperator, index: int, what: str) -> npt.NDArray[Any]:
        """The elements of a constant input. Raises Refused if it is none, or packed in a way that is not read."""
        tensor = self.tensor(op, index)
        if not tensor.is_constant:
            raise op.refusal(what, "computed at run time", "only constants can be there: convert the model again")
        if tensor.array is None:
            raise op.refusal(what, f"{tensor.kind}, packed", "use plain int8 weights: neither sparse nor of 4 bits")
        return tensor.array

    def integers(self, op: TfliteOperator, index: int) -> str:
        """An input that is computed, as the file has it but channels first."""
        tensor = self.tensor(op, index)
        self.check_activation(op, tensor)
        if tensor.is_constant:
            raise op.refusal(f"input {tensor.name!r}", "a constant", "only weights and biases may be constant")
        return self.names[op.inputs[index]]

    def real(self, op: TfliteOperator, index: int) -> str:
        """The real values of an input that is computed."""
        name = self.integers(op, index)
        return self._dequantized(op, op.inputs[index], name)

    def operand(self, op: TfliteOperator, index: int, rank: int) -> str:
        """The real values of an input, which may be a constant, to be combined with a tensor of `rank` dimensions."""
        tensor = self.tensor(op, index)
        if not tensor.is_constant:
            name = self.real(op, index)
            if len(tensor.shape) == 2 and rank == 4:
                return self.helper(op, "Reshape", (name, self.constant([1, tensor.shape[1], 1, 1])))
            return name
        array = self.values(op, index, f"input {tensor.name!r}")
        if array.ndim > rank:
            raise op.refusal(f"input {tensor.name!r}", f"of shape {list(array.shape)}", "give one value per channel")
        array = array.reshape((1,) * (rank - array.ndim) + array.shape)
        array = array.transpose(TO_CHANNELS_FIRST) if rank == 4 else array
        if tensor.kind == "FLOAT32":
            return self.constant(array, np.float32)
        return self.quantized(op, tensor, array, None)

    def quantized(self, op: TfliteOperator, tensor: TfliteTensor, array: npt.NDArray[Any], axis: int | None) -> str:
        """Real values of constant integers.

        Args:
            tensor: Says what they stand for.
            array: The integers, in the graph's order of dimensions.
            axis: Dimension along which the graph may have a scale each; None for one scale.
        """
        scales, points = tensor.scale, np.broadcast_to(tensor.zero_point, tensor.scale.shape)
        if scales.size == 0:
            raise op.refusal(f"input {tensor.name!r}", f"{tensor.kind}, not quantized", _CONVERT)
        if scales.size != 1 and axis is None:
            raise op.refusal(f"scale of {tensor.name!r}", f"{scales.size} values", "quantize it per tensor")
        if scales.size == 1:
            scales, points = scales.reshape(()), points.reshape(())
        inputs = (
            self.constant(array, array.dtype),
            self.constant(scales, np.float32),
            self.constant(points, array.dtype),
        )
        return self.helper(op, "DequantizeLinear", inputs, axis=axis or 0)

    def finish(self, op: TfliteOperator, real: str) -> None:
        """Output 0, from its real values before the activation that is fused into `op`."""
        activation = op.options.get("FusedActivationFunction", "NONE")
        match activation:
            case "NONE":
                limited = real
            case "RELU":
                limited = self.helper(op, "Relu", (real,))
            case "RELU6":
                limited = self.clipped(op, real, 0, 6)
            case "RELU_N1_TO_1":
                limited = self.clipped(op, real, -1, 1)
            case _:
                raise op.refusal("fused_activation_function", activation, "use NONE, RELU, RELU6 or RELU_N1_TO_1")
        self.round(op, limited)

    def clipped(self, op: TfliteOperator, real: str, low: float, high: float, main: bool = False) -> str:
        """Real values within limits."""
        node = self.main if main else self.helper
        return node(op, "Clip", (real, self.constant(low, np.float32), self.constant(high, np.float32)))

    def round(self, op: TfliteOperator, real: str, index: int = 0) -> None:
        """An output, from its real values."""
        tensor = self.output(op, index)
        self.check_activation(op, tensor)
        if tensor.is_integer:
            inputs = (real, *self._quantization(tensor))
            self._node(self._free(f"{op.name}.quantized"), "QuantizeLinear", inputs, {}, self.names[op.outputs[index]])
        else:
            self.store(op, real, index)

    def store(self, op: TfliteOperator, name: str, index: int = 0) -> None:
        """An output, which is `name` as it is."""
        self._node(self._free(f"{op.name}.identity"), "Identity", (name,), {}, self.names[op.outputs[index]])

    def turned(self, op: TfliteOperator, index: int, order: list[int], what: str) -> str:
        """Tensor `index` with its dimensions in another order, under its name and `what`."""
        name = f"{self.names[index]}.{what}"
        inputs, attributes = (self.names[index],), {"perm": order}
        return self._node(self._free(f"{op.name}.transpose"), "Transpose", inputs, attributes, self._unique(name))

    def relaid(self, op: TfliteOperator, name: str, before: Sequence[int], after: Sequence[int]) -> str:
        """`name`, whose dimensions in the file are `before`, in those of the file's `after`."""
        if list(before) == list(after):
            return name
        if not moves_nothing(before):
            name = self.helper(op, "Transpose", (name,), perm=TO_CHANNELS_LAST)
        if moves_nothing(after):
            return self.helper(op, "Reshape", (name, self.constant(channels_first(after))))
        name = self.helper(op, "Reshape", (name, self.constant(list(after))))
        return self.helper(op, "Transpose", (name,), perm=TO_CHANNELS_FIRST)

    def foreign(self, op: TfliteOperator, refused: Refused) -> None:
        """A node of its own domain for an operator that is refused, instead of what there is of it so far, so that the
        walk goes on after it."""
        self.refused[self._owner] = refused.problems
        gone = {output for node in self.nodes[self._start :] for output in node.outputs}
        del self.nodes[self._start :]
        self._reals = {index: name for index, name in self._reals.items() if name not in gone}
        inputs = [self.names[i] for i in op.inputs if i >= 0 and not self.model.tensors[i].is_constant]
        outputs = tuple(self.names[index] for index in op.outputs)
        name = self._free(op.name)
        self.owners[name] = self._owner
        self.nodes.append(OnnxNode(name, f"{FOREIGN}.{op.op}", tuple(inputs), outputs))

    def check_activation(self, op: TfliteOperator, tensor: TfliteTensor) -> None:
        """Raises Refused if a tensor is none that the hardware can hold."""
        where = f"tensor {tensor.name!r}"
        if not tensor.is_integer and tensor.kind != "FLOAT32":
            raise op.refusal(where, tensor.kind, _CONVERT)
        if tensor.is_integer and tensor.scale.size != 1:
            raise op.refusal(where, f"{tensor.scale.size} scales", "quantize activations per tensor, not per channel")
        if tensor.is_dynamic:
            raise op.refusal(where, "of dynamic dimensions", "convert the model with fixed ones")
        if tensor.is_constant or (len(tensor.shape) in (2, 4) and tensor.shape[0] == 1):
            return
        raise op.refusal(where, f"of shape {list(tensor.shape)}", "use [1, height, width, channels] or [1, values]")

    def _dequantized(self, op: TfliteOperator, index: int, name: str) -> str:
        tensor = self.model.tensors[index]
        if not tensor.is_integer:
            return name
        if index not in self._reals:
            inputs = (name, *self._quantization(tensor))
            self._reals[index] = self._node(self._free(f"{op.name}.dequantized"), "DequantizeLinear", inputs, {})
        return self._reals[index]

    def _quantization(self, tensor: TfliteTensor) -> tuple[str, str]:
        dtype: Literal["int8", "uint8"] = "int8" if tensor.kind == "INT8" else "uint8"
        return self.constant(tensor.scale.reshape(()), np.float32), self.constant(
            tensor.zero_point.reshape(-1)[0], dtype
        )

    def _node(
        self, name: str, kind: str, inputs: Sequence[str], attributes: dict[str, Any], output: str | None = None
    ) -> str:
        made = output or self._unique(f"{name}.output")
        self.owners[name] = self._owner
        self.nodes.append(OnnxNode(name, kind, tuple(inputs), (made,), attributes))
        return made

    def _free(self, name: str) -> str:
        unique, number = name, 2
        while unique in self.owners:
            unique, number = f"{name}_{number}", number + 1
        return unique

    def _unique(self, name: str) -> str:
        unique, number = name, len(self._taken)
        while unique in self._taken:
            unique, number = f"{name}_{number}", number + 1
        self._taken.add(unique)
        return unique
