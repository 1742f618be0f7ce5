"""Libraries of standard cells that distributions bring, and what their Liberty text says of each cell."""

import re
from dataclasses import dataclass
from pathlib import Path

from tcugen.fpga.errors import SynthesisError


@dataclass(frozen=True)
class Library:
    """A library of cells.

    Attributes:
        name: As `--part` takes it.
        title: Process and origin.
        liberty: Timing, power and area of the cells.
        package: Debian package that brings it.
        driver: The cell that is assumed to drive what comes into a module while its gates are sized.
        load_ff: What is assumed to hang on what leaves it, femtofarads: about three gates.
        delay_ps: The delay between registers that gates are sized for.
    """

    name: str
    title: str
    liberty: Path
    package: str
    driver: str
    load_ff: int
    delay_ps: int


LIBRARIES = (
    Library(
        name="osu018",
        title="Oklahoma State University, 0.18 um, 1.8 V",
        liberty=Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib"),
        package="qflow-tech-osu018",
        driver="BUFX2",
        load_ff=30,
        delay_ps=4000,
    ),
)
"""Those that are known. Areas of their Liberty text are in square micrometres: what its LEF text says of the same
cells."""


CLOCK_PIN, HELD_PIN = "CLK", "Q"
"""Clock and output of the flip-flops of these libraries."""


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        area_um2: Square micrometres.
        flip_flop: Whether it holds a bit from one clock edge to the next.
        capacitances_pf: Of its inputs, picofarads.
    """

    area_um2: float
    flip_flop: bool
    capacitances_pf: dict[str, float]


@dataclass(frozen=True)
class Cells:
    """What a Liberty text says: cells by name, and the supply in volts."""

    cells: dict[str, Cell]
    volts: float


def find_library(argument: str) -> Library | None:
    """The library that `--part` means, in any case; None if that is no library's name."""
    return next((library for library in LIBRARIES if library.name == argument.lower()), None)


def read_liberty(library: Library) -> Cells:
    """What the library's Liberty text says.

    Raises:
        SynthesisError: If the file is missing or has no cells.
    """
    try:
        text = library.liberty.read_text()
    except OSError as error:
        raise SynthesisError(
            f"--part {library.name}: {library.liberty} cannot be read ({error.strerror}); install the cells "
            f"(Debian: apt install {library.package})"
        ) from None
    volts = re.search(r"\bnom_voltage\s*:\s*([\d.]+)", text)
    cells = {name: _cell(block) for name, block in _blocks(text, r"cell")}
    if not cells or not volts:
        raise SynthesisError(
            f"--part {library.name}: {library.liberty} has no cells or no voltage; install it anew "
            f"(Debian: apt install --reinstall {library.package})"
        )
    return Cells(cells, float(volts[1]))


def _cell(block: str) -> Cell:
    area = re.search(r"\barea\s*:\s*([\d.]+)", block)
    capacitances: dict[str, float] = {}
    for pin, inside in _blocks(block, r"pin"):
        found = re.search(r"\bcapacitance\s*:\s*([\d.]+)", inside)
        if found and re.search(r"\bdirection\s*:\s*\"?input", inside):
            capacitances[pin] = float(found[1])
    return Cell(float(area[1]) if area else 0.0, bool(re.search(r"\bff\s*\(", block)), capacitances)


def _blocks(text: str, kind: str) -> list[tuple[str, str]]:
    """Name and content of all groups `kind (NAME) {...}`."""
    found: list[tuple[str, str]] = []
    for match in re.finditer(rf"\b{kind}\s*\(\s*\"?(\w+)\"?\s*\)\s*\{{", text):
        depth, end = 1, match.end()
        for brace in re.finditer(r"[{}]", text[match.end() :]):
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                end = match.end() + brace.start()
                break
        found.append((match[1], text[match.end() : end]))
    return found
