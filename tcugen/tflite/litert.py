"""LiteRT, the interpreter that .tflite files are made for, with the kernels that it has; imported when it is used."""

import importlib
import importlib.util
import struct
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tcugen.model.errors import ModelError
from tcugen.tflite.reading import tables

_OUTPUTS_FIELD = 8
"""Where the table of a graph has the place of its outputs, in its list of places."""


class Kernels(Enum):
    """Implementations of the operators that LiteRT has; they round differently. Values are their names for people."""

    DEFAULT = "LiteRT"
    BUILT_IN = "LiteRT, built-in kernels"
    REFERENCE = "LiteRT, reference kernels"


def litert_available() -> bool:
    """Whether the package ai-edge-litert is installed."""
    return importlib.util.find_spec("ai_edge_litert") is not None


def run_litert(
    path: Path, images: npt.NDArray[Any], tensors: Sequence[int], kernels: Kernels = Kernels.DEFAULT
) -> Iterator[list[npt.NDArray[Any]]]:
    """Tensors of a .tflite file, image by image.

    Args:
        path: The file, with one input.
        images: [n, ...], exactly its input.
        tensors: Their numbers in the file; the input and what operators make.
        kernels: DEFAULT is what everybody gets who runs the file; XNNPACK, on most processors.

    Yields:
        Arrays [1, ...] in the order of `tensors`.

    Raises:
        ModelError: If LiteRT cannot read the file or cannot run it on an image.
    """
    litert: Any = importlib.import_module("ai_edge_litert.interpreter")
    resolvers = litert.OpResolverType
    match kernels:
        case Kernels.DEFAULT:
            resolver: Any = resolvers.AUTO
        case Kernels.BUILT_IN:
            resolver = resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        case Kernels.REFERENCE:
            resolver = resolvers.BUILTIN_REF
    try:
        content = with_outputs(path.read_bytes(), tensors)
        interpreter: Any = litert.Interpreter(
            model_content=content, experimental_op_resolver_type=resolver, num_threads=1
        )
        interpreter.allocate_tensors()
        (entry,) = interpreter.get_input_details()
    except (ValueError, RuntimeError, OSError) as error:
        raise ModelError(
            f"{path}: LiteRT cannot open it ({_line(error)}); give a .tflite file with one input"
        ) from None
    for image in images:
        try:
            interpreter.set_tensor(entry["index"], image[None])
            interpreter.invoke()
            yield [np.array(interpreter.get_tensor(index)) for index in tensors]
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{path}: LiteRT cannot run it on an image of shape {image[None].shape} ({_line(error)}); give a file "
                "with the model's own input"
            ) from None


def with_outputs(data: bytes, tensors: Sequence[int]) -> bytes:
    """A .tflite file whose outputs are these tensors: kernels keep no others, and delegates do not even make them.

    The list of outputs is put behind the file, and its place in the table of the main graph changed.
    """
    graph: Any = tables().Model.GetRootAs(data, 0).Subgraphs(0)
    table = graph._tab
    place = table.Pos + table.Offset(_OUTPUTS_FIELD)
    content = bytearray(data) + bytes(-len(data) % 4)
    struct.pack_into("<I", content, place, len(content) - place)
    return bytes(content) + struct.pack(f"<I{len(tensors)}i", len(tensors), *tensors)


def _line(error: Exception) -> str:
    """The first line of a message."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
