"""What machines took when they were synthesised: the data that estimates rest on, kept in `calibration.json`.

`tcugen calibrate` writes it.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from tcugen.arch import Architecture
from tcugen.fpga.counts import Counts

FILE = Path(__file__).parent / "calibration.json"

_SMALL = Architecture(
    rows=4,
    columns=4,
    activation_kib=16,
    bus_bytes=8,
    accumulator_bits=22,
    accumulator_depth=128,
    weight_tiles=64,
    parameter_groups=32,
    output_lanes=1,
)
_LARGE = replace(_SMALL, rows=8, columns=8, activation_kib=256, accumulator_bits=28, weight_tiles=256)

MACHINES = (
    _SMALL,
    _LARGE,
    replace(_LARGE, output_lanes=4),
    replace(_LARGE, rows=16, columns=12, output_lanes=2, weight_tiles=64),
    replace(_LARGE, rows=16, columns=16, output_lanes=4, weight_tiles=64),
    replace(_SMALL, bus_bytes=16, accumulator_bits=32),
    replace(_LARGE, rows=32, columns=6, activation_kib=192, output_lanes=2, accumulator_depth=512, weight_tiles=128),
    replace(_SMALL, columns=8, output_lanes=2, activation_kib=64),
)
"""What is synthesised to calibrate a family: every parameter that costs logic at two values or more; those that tell
most come first."""


@dataclass(frozen=True)
class Measurement:
    """A machine and what it took; `yosys` says what counted."""

    architecture: Architecture
    counts: Counts
    yosys: str


_FILE = TypeAdapter(dict[str, tuple[Measurement, ...]])


@functools.cache
def measurements(family: str) -> tuple[Measurement, ...]:
    """What was measured for a family; empty if nothing was."""
    return parse(FILE.read_text()).get(family, ())


def parse(text: str) -> dict[str, tuple[Measurement, ...]]:
    """Inverse of `text_of`; raises ValueError if it is none."""
    return _FILE.validate_json(text)


def text_of(measured: Mapping[str, Sequence[Measurement]]) -> str:
    """The file's text: a machine per line."""
    families: list[str] = []
    for family, entries in sorted(measured.items()):
        lines = ",\n".join("  " + json.dumps(asdict(entry)) for entry in entries)
        families.append(f' "{family}": [\n{lines}\n ]')
    return "{\n" + ",\n".join(families) + "\n}\n"
