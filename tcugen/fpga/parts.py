"""The parts that a machine may be put in: figures of data sheets, and of the user's own part.

The table is `parts.json`; a user's own part is one entry of it in a file.
"""

import difflib
import functools
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tcugen.fpga.errors import PartError
from tcugen.fpga.families import FAMILIES, Family

Count = Annotated[int, Field(ge=0, le=100_000_000)]
FamilyName = Literal["ecp5", "ice40", "nexus", "xc7", "xcup", "gowin", "gatemate"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Board(_Entry):
    """A board that carries the part; `memory_gb_per_s` is its memory's peak, 10**9 bytes per second."""

    name: str
    memory: str
    memory_gb_per_s: Annotated[float, Field(gt=0)]
    source: str


class Part(_Entry):
    """One part.

    Attributes:
        name: As it is ordered, without package and speed.
        aliases: Other names for it.
        family: Key of FAMILIES, which says what one of each count is.
        luts, flip_flops, multipliers, block_rams, ultra_rams: What the part has of each.
        place: What nextpnr's arguments for this part are; empty if nextpnr cannot place on it.
        pins: Four of its pins, the first for a clock; needed to place on parts of Nexus and Gowin.
        source: Document that gives the figures.
        checked: What they were compared with and equal to, a tool's own count as a rule; empty if nothing.
    """

    name: Annotated[str, Field(min_length=1)]
    family: FamilyName
    luts: Count
    flip_flops: Count
    multipliers: Count
    block_rams: Count
    ultra_rams: Count = 0
    aliases: tuple[str, ...] = Field(default=(), strict=False)
    place: tuple[str, ...] = Field(default=(), strict=False)
    pins: tuple[str, ...] = Field(default=(), strict=False)
    boards: tuple[Board, ...] = Field(default=(), strict=False)
    source: str = "the user's file"
    checked: str = ""

    @property
    def kind(self) -> Family:
        return FAMILIES[self.family]

    @property
    def memory_gb_per_s(self) -> float | None:
        """Of the board with the fastest memory; None if no board is known."""
        return max((board.memory_gb_per_s for board in self.boards), default=None)


@functools.cache
def bundled_parts() -> tuple[Part, ...]:
    """The parts that come with tcugen, in the order of the table."""
    entries = json.loads((Path(__file__).parent / "parts.json").read_text())
    return tuple(Part.model_validate(entry) for entry in entries)


def find_part(argument: str) -> Part:
    """The part that `--part` means: a bundled one's name or alias in any case, or a JSON file that describes one.

    Raises:
        PartError: If there is none, with the nearest names; or the file is wrong.
    """
    names = {name.lower(): part for part in bundled_parts() for name in (part.name, *part.aliases)}
    if part := names.get(argument.lower()):
        return part
    if argument.lower().endswith(".json"):
        return _read(Path(argument))
    near = difflib.get_close_matches(argument.lower(), names, n=3, cutoff=0.5)
    found = list(dict.fromkeys(names[name].name for name in near))
    hint = f"did you mean {' or '.join(found)}? " if found else ""
    raise PartError(
        f"--part {argument}: no such part; {hint}`tcugen parts` lists all, and a JSON file describes one of your own"
    )


def _read(path: Path) -> Part:
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise PartError(
            f"--part {path}: cannot be read ({error.strerror}); give a file that describes a part"
        ) from None
    except (ValueError, RecursionError) as error:
        raise PartError(f"--part {path}: not JSON ({error}); correct the text there") from None
    try:
        return Part.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the part"
        fault = "no key of a part" if first["type"] == "extra_forbidden" else first["msg"][0].lower() + first["msg"][1:]
        value = "" if first["type"] == "missing" else f" is {first['input']!r}:"
        raise PartError(
            f"--part {path}: {where}{value or ':'} {fault}; "
            "docs/fpga.md shows a part of one's own, `tcugen parts --json FILE` many"
        ) from None
