"""Synthesises a set of machines and writes what they take, which estimates are fitted to: run by `make calibrate`.

One family after the other, each machine in turn; a row is written as soon as it is there, in the place of the row of
the same machine. All of it takes hours; `make calibrate FAMILY=ecp5 MACHINES=4x4` does what is named.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from tcugen.arch import Architecture
from tcugen.fpga.synthesis import synthesise
from tcugen.fpga.tools import find_yosys
from tcugen.rtl.emit import emit

FILE = Path(__file__).parents[1] / "tcugen" / "fpga" / "calibration.json"
REFERENCE = Path(__file__).parents[1] / "rtl_out" / "reference" / "architecture.json"
FAMILIES = ("ecp5", "xc7")
SMALL = dict(activation_kib=64, accumulator_bits=25, weight_tiles=64, parameter_groups=16)
LARGE = dict(activation_kib=256, accumulator_bits=28, weight_tiles=256, parameter_groups=32)
MACHINES = (
    Architecture(rows=4, columns=4, output_lanes=1, **SMALL),
    Architecture.from_dict(json.loads(REFERENCE.read_text())),
    Architecture(rows=8, columns=8, output_lanes=1, **SMALL),
    Architecture(rows=8, columns=4, output_lanes=2, **SMALL),
    Architecture(rows=4, columns=8, output_lanes=2, **SMALL),
    Architecture(rows=8, columns=8, output_lanes=4, **SMALL),
    Architecture(rows=4, columns=16, output_lanes=1, **SMALL),
    Architecture(rows=8, columns=8, output_lanes=1, **LARGE),
    Architecture(rows=16, columns=8, output_lanes=2, **LARGE),
    Architecture(rows=16, columns=16, output_lanes=4, **LARGE),
)
"""From small to large, so that what is there first serves for a part."""


def measure(architecture: Architecture, family: str) -> dict[str, object]:
    """The row of one machine."""
    yosys = find_yosys()
    with tempfile.TemporaryDirectory(prefix="tcugen-calibrate-") as name:
        folder = Path(name)
        (folder / "build").mkdir()
        emit(architecture, folder / "build")
        counts = synthesise(folder / "build", family, folder, yosys, None, lambda _: None).counts
    return {
        "family": family,
        "yosys": yosys.name,
        "architecture": architecture.to_dict(),
        "lut": counts.lut,
        "lut_ram": counts.lut_ram,
        "ff": counts.ff,
        "dsp": counts.dsp,
        "bram": counts.bram,
    }


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, action="append")
    parser.add_argument("--machines", metavar="ROWSxCOLUMNS", action="append", help="only machines of this array")
    arguments = parser.parse_args()
    for family in arguments.family or FAMILIES:
        for architecture in MACHINES:
            array = f"{architecture.rows}x{architecture.columns}"
            if arguments.machines and array not in arguments.machines:
                continue
            started = time.monotonic()
            row = measure(architecture, family)
            rows = json.loads(FILE.read_text())["rows"] if FILE.exists() else []
            same = [(old["family"], old["architecture"]) == (family, row["architecture"]) for old in rows]
            rows = [old for old, is_same in zip(rows, same, strict=True) if not is_same] + [row]
            text = ",\n".join(json.dumps(one) for one in rows)
            FILE.write_text(f'{{"format": 1, "rows": [\n{text}\n]}}\n')
            figures = {key: row[key] for key in ("lut", "ff", "dsp", "bram")}
            print(f"{family} {array} {architecture.output_lanes} lanes: {figures}, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
