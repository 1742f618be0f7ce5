"""Writes the Verilog of a few small machines, which together have all optional hardware, and prints its digest.

    python -m sim.mutate.emission FOLDER MACHINE

Runs in a process of its own, with the mutant in place of the hardware.
"""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

from sim.architectures import MACHINES as BENCH_MACHINES
from tcugen.arch import Architecture
from tcugen.rtl.emit import emit

ROOT = Path(__file__).parents[2]


def _reference() -> Architecture:
    return Architecture.from_dict(json.loads((ROOT / "rtl_out" / "reference" / "architecture.json").read_text()))


def machines() -> dict[str, Architecture]:
    """By name: a beat of one word and all that is optional; the reference build; words of several beats, odd sizes."""
    return {
        "all": Architecture(
            rows=4,
            columns=4,
            output_lanes=1,
            bus_bytes=4,
            activation_kib=2,
            accumulator_depth=16,
            weight_tiles=4,
            parameter_groups=2,
            tables=1,
            multiply=1,
            per_channel=1,
            unrounded_add=1,
        ),
        "reference": _reference(),
        "uneven": Architecture(
            rows=8,
            columns=6,
            output_lanes=2,
            bus_bytes=16,
            activation_kib=3,
            accumulator_depth=32,
            weight_tiles=64,
            parameter_groups=8,
            tables=1,
        ),
        "narrow": replace(BENCH_MACHINES["8x8"], multiply=1),
        "wide": Architecture(
            rows=4,
            columns=16,
            output_lanes=4,
            bus_bytes=64,
            activation_kib=4,
            accumulator_depth=64,
            weight_tiles=16,
            parameter_groups=8,
            per_channel=1,
            bus_address_bits=64,
        ),
    }


def main(arguments: list[str]) -> int:
    """Prints the digest; returns 0."""
    folder, name = Path(arguments[0]), arguments[1]
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    for path in sorted(emit(machines()[name], folder)):
        digest.update(path.read_bytes())
    print(digest.hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
