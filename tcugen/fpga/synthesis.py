"""A build mapped to the cells of a family by Yosys."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tcugen.fpga.cells import Counts, count
from tcugen.fpga.errors import ToolError
from tcugen.fpga.family import SYNTHESIS
from tcugen.fpga.tools import Progress, Tool, run

TOP = "tcu_top"
SOURCES = ("tcu_sram_1r1w.v", "tcu_top.v")
NETLIST = "netlist.json"
STATISTICS = "statistics.json"
LOG = "yosys.log"


@dataclass(frozen=True)
class Netlist:
    """A mapped design: its JSON file and how many cells of each type it has."""

    path: Path
    cells: Mapping[str, int]
    counts: Counts


def synthesise(
    build: Path, family: str, folder: Path, yosys: Tool, timeout: float | None, progress: Progress
) -> Netlist:
    """Map the Verilog of a build to a family, flattened, its ports `trace_*` open, as in a design that leaves them so.

    Args:
        build: Folder of the Verilog.
        folder: Where netlist, log and statistics go.

    Raises:
        ToolError: If Yosys fails or takes too long.
    """
    for name in SOURCES:
        shutil.copyfile(build / name, folder / name)
    script = [
        f"read_verilog -defer {SOURCES[0]}",
        f"read_verilog {SOURCES[1]}",
        f"hierarchy -top {TOP}",
        f"delete -output {TOP}/o:trace_*",
        f"{SYNTHESIS[family]} -top {TOP}",
        "check",
        f"write_json {NETLIST}",
        f"tee -o {STATISTICS} stat -json",
    ]
    (folder / "synthesis.ys").write_text("\n".join(script) + "\n")
    run(yosys, ("-s", "synthesis.ys"), folder, LOG, timeout, progress)
    cells = read_cells((folder / STATISTICS).read_text(), TOP)
    return Netlist(folder / NETLIST, cells, count(cells, family))


def read_cells(text: str, module: str) -> dict[str, int]:
    """Cells by type of a module, from what Yosys' `stat -json` wrote; before the JSON there may be lines of a log.

    Raises:
        ToolError: If there is no such thing in the text.
    """
    try:
        modules = cast(dict[str, dict[str, object]], json.loads(text[text.index("{") :])["modules"])
        cells = cast(dict[str, int], modules[f"\\{module}"]["num_cells_by_type"])
    except (ValueError, KeyError) as error:
        raise ToolError(
            f"Yosys wrote statistics that cannot be read ({error!r}); take a Yosys of 0.23 or newer"
        ) from None
    return {name: int(number) for name, number in cells.items() if name != "$scopeinfo"}
