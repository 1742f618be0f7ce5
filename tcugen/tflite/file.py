"""A .tflite file as plain data: tensors, operators and their options, checked for structure."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tcugen.model.errors import ModelError
from tcugen.model.problems import Problem, Refused

IDENTIFIER = b"TFL3"
"""Bytes 4 to 7 of every .tflite file."""

INTEGERS = ("INT8", "UINT8")
"""Types of tensors that the hardware computes with."""


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """One tensor of the file.

    Attributes:
        name: As in the file; converters put the names of all fused operators there, with ";" between.
        kind: Type of an element by its name in the format, such as INT8.
        shape: As in the file.
        is_dynamic: Whether a dimension after the first is found only when the model runs.
        scale, zero_point: float32 [n], int64 [n]; of no element where the tensor is not quantized.
        dimension: The one along which scale and zero point run, where they have more than one value.
        is_constant: Whether the file holds its values.
        array: The values of a constant, [*shape]; None for others, and for types that NumPy has not.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    is_dynamic: bool
    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    dimension: int
    is_constant: bool
    array: npt.NDArray[Any] | None = None

    @property
    def is_integer(self) -> bool:
        """Whether it holds quantized 8-bit values."""
        return self.kind in INTEGERS and self.scale.size > 0


@dataclass(frozen=True, eq=False)
class TfliteOperator:
    """One operator of the file.

    Attributes:
        name: Of its place: the first name of its first output, with a number if another has it.
        op: Its name in the format, such as CONV_2D.
        inputs, outputs: Numbers of tensors; -1 for an input that is left out.
        options: By name; enumerations by the name of their value.
    """

    name: str
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    def problem(self, attribute: str, value: object, remedy: str) -> Problem:
        return Problem(self.name, self.op, attribute, str(value)[:160], remedy)

    def refusal(self, attribute: str, value: object, remedy: str) -> Refused:
        return Refused([self.problem(attribute, value, remedy)])

    def has_input(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] >= 0


@dataclass(frozen=True, eq=False)
class TfliteModel:
    """The main graph of a file.

    Attributes:
        source: Path, for messages.
        tensors, operators: In the file's order, which is that of execution.
        input, outputs: Numbers of tensors.
    """

    source: str
    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]
    input: int
    outputs: tuple[int, ...]


def is_tflite(path: Path | str) -> bool:
    """Whether a file is a .tflite file by its content, or says so by its name."""
    try:
        with Path(path).open("rb") as file:
            return file.read(8)[4:] == IDENTIFIER or str(path).endswith(".tflite")
    except OSError:
        return False


def checked(source: str, model: TfliteModel) -> TfliteModel:
    """The model itself.

    Raises:
        ModelError: If an operator reads what nothing before it makes, or two make one tensor.
    """
    made = {model.input}
    for operator in model.operators:
        for index in operator.inputs:
            if index >= 0 and index not in made and not model.tensors[index].is_constant:
                raise damaged(source, f"{operator.name} ({operator.op}) reads tensor {index}, which nothing makes")
        for index in operator.outputs:
            if index in made or model.tensors[index].is_constant:
                raise damaged(source, f"tensor {index} is made twice")
            made.add(index)
    for index in model.outputs:
        if index not in made or index == model.input:
            raise damaged(source, f"no operator makes the output, tensor {index}")
    return model


def damaged(source: str, what: str) -> ModelError:
    """The error of a file that is not sound."""
    return ModelError(f"{source}: is a damaged .tflite file ({what}); export or copy it again")
