"""The table of parts, and a part of the user's own."""

import json
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tcugen.fpga.errors import PartError
from tcugen.fpga.part import Family, Part

EXAMPLE = (
    '{"name": "mine", "family": "xc7", "luts": 53200, "flip_flops": 106400, "dsps": 220, "brams": 140, "source": "me"}'
)


class _Table(BaseModel):
    """The file parts.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Annotated[int, Field(strict=True, ge=1, le=1)]
    families: dict[str, Family]
    parts: tuple[Part, ...]


@cache
def _table() -> _Table:
    return _Table.model_validate_json(files("tcugen.fpga").joinpath("parts.json").read_text())


def parts() -> tuple[Part, ...]:
    """Every part of the table, in its order."""
    return _table().parts


def family_of(part: Part) -> Family:
    """What the part has in common with its kind."""
    return _table().families[part.family]


def find_part(text: str) -> Part:
    """The part that `--part` names: one of the table, in capitals or not, or a JSON file with one of the user's own.

    Raises:
        PartError: If there is no such part, or the file does not describe one.
    """
    if text.endswith(".json"):
        return read_part(Path(text))
    known = {part.name.lower(): part for part in parts()}
    if part := known.get(text.lower()):
        return part
    close = get_close_matches(text.lower(), known, n=3, cutoff=0.5)
    near = " or ".join(repr(known[name].name) for name in close)
    remedy = f"did you mean {near}?" if close else f"known are {', '.join(part.name for part in parts())};"
    raise PartError(f"--part {text!r} is no known part; {remedy} A part of your own is a file: --part my.json")


def read_part(path: Path) -> Part:
    """A part of the user's own: a JSON object with the keys of `Part`, its family one of the table.

    Raises:
        PartError: If the file cannot be read or does not hold to the rules.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise PartError(f"--part {path}: cannot be read ({reason}); give a file such as {EXAMPLE}") from None
    try:
        values = json.loads(text)
    except ValueError as error:
        raise PartError(f"--part {path}: not JSON ({error}); write for example {EXAMPLE}") from None
    try:
        part = Part.model_validate(values)
    except ValidationError as error:
        raise PartError(f"--part {path}: {_first(error)}; write for example {EXAMPLE}") from None
    if part.family not in _table().families:
        families = ", ".join(_table().families)
        raise PartError(f"--part {path}: family is {part.family!r}, but it must be one of {families}")
    return part


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    where = ".".join(str(step) for step in found["loc"]) or "the file"
    if found["type"] == "missing":
        return f"{where} is missing"
    if found["type"] == "extra_forbidden":
        return f"{where} is no key of a part; the keys are {', '.join(Part.model_fields)}"
    message = found["msg"][0].lower() + found["msg"][1:]
    return f"{where} is {found['input']!r}, but {message.replace('input should', 'it should')}"
