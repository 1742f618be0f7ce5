"""`partition.json`: which parts a model was split into, in order, and the tensors between them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tcugen.model.errors import ModelError

MANIFEST = "partition.json"
WHOLE = "whole.onnx"
FORMAT = 1

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(strict=True, ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Sides = tuple[Annotated[int, Field(strict=True, ge=1)], ...]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TensorEntry(_Keys):
    """A tensor of the file: its element type as NumPy calls it; its dimensions, batch included, null if not known."""

    name: Text
    type: Text
    shape: Sides | None


class UnitTensor(TensorEntry):
    """A tensor that the unit reads or makes.

    Attributes:
        tensor: Its name in the network of the part.
        scale, zero_point: Of the unit's int8, which is 128 below a file's uint8; null for 32-bit sums.
    """

    tensor: Text
    scale: float | None
    zero_point: Annotated[int, Field(strict=True, ge=-128, le=127)] | None


class _Part(_Keys):
    name: Annotated[str, Field(pattern=r"^part[1-9][0-9]*$")]
    multiplications: Count | None
    nodes: Annotated[tuple[Text, ...], Field(min_length=1)]


class UnitEntry(_Part):
    """A part on the unit, in a folder of its name as `tcugen import` writes it. It has one input."""

    on: Literal["unit"] = "unit"
    input: UnitTensor
    outputs: Annotated[tuple[UnitTensor, ...], Field(min_length=1)]


class HostEntry(_Part):
    """A part on the host, in a file of its name for ONNX Runtime."""

    on: Literal["host"] = "host"
    inputs: Annotated[tuple[TensorEntry, ...], Field(min_length=1)]
    outputs: Annotated[tuple[TensorEntry, ...], Field(min_length=1)]


Entry = Annotated[UnitEntry | HostEntry, Field(discriminator="on")]


class Manifest(_Keys):
    """The whole file.

    Attributes:
        network: Name of the model.
        source: The file that was split.
        input, outputs: Of the model.
        host_share: The part of the multiplications that stays on the host, 0 to 1; null if shapes tell it not.
        parts: In the order in which they run; each reads the model's input and what parts before it make.
        refused: Why a node is on the host, by its name in the file, of those that the unit does not take.
    """

    generator: Literal["tcugen"] = "tcugen"
    format: Literal[1] = FORMAT
    network: Text
    source: str
    input: TensorEntry
    outputs: Annotated[tuple[TensorEntry, ...], Field(min_length=1)]
    host_share: Share | None
    parts: Annotated[tuple[Entry, ...], Field(min_length=1)]
    refused: dict[str, str]


def parse_manifest(text: str, source: str) -> Manifest:
    """The manifest in `text`, whose parts read only what is there when they run and make all of the model's outputs.

    Raises:
        ModelError: If it is none; begins with `source`.
    """
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ModelError(
            f"{source}: {_explained(error)}; split the model again with tcugen import --partition"
        ) from None
    made = {manifest.input.name}
    for number, part in enumerate(manifest.parts, 1):
        if part.name != f"part{number}":
            raise _broken(source, f"part {number} is called {part.name!r}", f"it must be part{number}")
        reads: Sequence[TensorEntry] = (part.input,) if isinstance(part, UnitEntry) else part.inputs
        missing = [entry.name for entry in reads if entry.name not in made]
        if missing:
            raise _broken(source, f"{part.name} reads {missing[0]!r}", "no part before it makes that")
        made |= {entry.name for entry in part.outputs}
    missing = [entry.name for entry in manifest.outputs if entry.name not in made]
    if missing:
        raise _broken(source, f"the output is {missing[0]!r}", "no part makes that")
    return manifest


def _broken(source: str, what: str, rule: str) -> ModelError:
    return ModelError(f"{source}: {what}, but {rule}; split the model again with tcugen import --partition")


def _explained(error: ValidationError) -> str:
    """The first finding as one sentence."""
    found: list[Any] = list(error.errors(include_url=False, include_context=False))
    first = found[0]
    if first["type"] == "json_invalid":
        return f"is no JSON ({first['msg']})"
    place = ".".join(map(str, first["loc"])) or "the file"
    text = str(first["input"])
    shown = text if len(text) <= 60 else text[:57] + "..."
    more = f" ({len(found) - 1} more after this one)" if len(found) > 1 else ""
    return f"{place} is {shown}, but {first['msg'][0].lower()}{first['msg'][1:]}{more}"
