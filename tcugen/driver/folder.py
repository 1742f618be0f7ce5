"""The folder `driver` of a build: everything that a processor needs to run the machine, beside its program."""

import json
from importlib.resources import files
from pathlib import Path

from tcugen.driver.header import SOURCES, header
from tcugen.driver.quantization import FILE, HostQuantization
from tcugen.driver.tables import tables
from tcugen.program import Program


def write_quantization(directory: Path, quantization: HostQuantization) -> None:
    """Write `quantization.json` into the folder of a program."""
    (directory / FILE).write_text(json.dumps(quantization, indent=1) + "\n")


def write_driver(directory: Path, program: Program, quantization: HostQuantization) -> None:
    """Write `tcu.h`, `tcu.c`, `tcu.py` and `tcu.json` into an existing folder. The same build gives the same bytes."""
    (directory / "tcu.h").write_text(header(program, quantization))
    (directory / "tcu.c").write_text((SOURCES / "tcu.c").read_text())
    (directory / "tcu.py").write_text((files("tcugen.driver") / "tcu.py").read_text())
    (directory / "tcu.json").write_text(json.dumps(tables(program), indent=1) + "\n")
