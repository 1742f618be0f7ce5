"""Limits of the arithmetic, as refusals of the node that breaks them."""

from collections.abc import Generator
from contextlib import contextmanager

from tcugen.model.errors import QuantizationError
from tcugen.onnx.importer.onnx_file import OnnxNode


@contextmanager
def refusing(node: OnnxNode) -> Generator[None]:
    """Turns scales outside the arithmetic's limits into a refusal of `node`."""
    try:
        yield
    except QuantizationError as error:
        text, _, remedy = str(error).removeprefix(f"layer {node.name!r}: ").rpartition("; ")
        raise node.refusal("scales", text, remedy) from None
