"""From a build's Verilog to a netlist of a family's cells, by Yosys. Netlists are kept by the hash of what they are
made of."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tcugen.fpga.counts import Counts, cells_of, count_cells
from tcugen.fpga.netlist_cache import kept_netlist
from tcugen.fpga.recipes import RECIPES
from tcugen.fpga.tools import Tool, find_yosys

TOP = "tcu_top"
NETLIST = "netlist.json"
_STAT = "stat.json"
_SOURCES = ("tcu_sram_1r1w.v", "tcu_top.v")


@dataclass(frozen=True)
class Netlist:
    """A synthesised machine.

    Attributes:
        family: Of its cells.
        counts: What it takes.
        cells: How many there are, by type.
        path: Yosys' JSON of it; the log is beside it.
        yosys: What made it.
    """

    family: str
    counts: Counts
    cells: dict[str, int]
    path: Path
    yosys: Tool


def script(family: str) -> str:
    """What Yosys does with the machine. Outputs for observation are left open, as the user's guide says."""
    return "\n".join(
        (
            *(f"read_verilog {name}" for name in _SOURCES),
            f"hierarchy -check -top {TOP}",
            f"delete -port {TOP}/o:trace_*",
            f"{RECIPES[family].command} -top {TOP}",
            f"tee -o {_STAT} stat -json",
            "check -assert",
            f"write_json {NETLIST}",
            "",
        )
    )


def synthesise(
    build: Path,
    family: str,
    cache_dir: Path,
    timeout_seconds: float,
    report: Callable[[str], None],
    announce: Callable[[str], None] = lambda _: None,
) -> Netlist:
    """The machine in folder `build` as cells of `family`, from the cache if it is there.

    Args:
        cache_dir: Where netlists are kept.
        timeout_seconds: For Yosys.
        report: Takes what Yosys is at.
        announce: Takes one line before Yosys starts.

    Raises:
        SynthesisError: If Yosys is missing, fails or takes too long.
    """
    recipe = RECIPES[family]
    yosys = find_yosys(recipe)
    sources = {name: (build / name).read_bytes() for name in _SOURCES}
    folder = kept_netlist(
        family, recipe.command, script(family), sources, NETLIST, yosys, cache_dir, timeout_seconds, report, announce
    )
    cells = cells_of((folder / _STAT).read_text(), TOP)
    return Netlist(family, count_cells(cells, recipe), cells, folder / NETLIST, yosys)
