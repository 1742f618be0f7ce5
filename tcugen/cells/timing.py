"""The worst path of a flat netlist, by OpenSTA, in the names of the design."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tcugen.cells.cell_library import HELD_PIN, Library
from tcugen.cells.flat import Flat
from tcugen.cells.opensta import run_opensta, setup
from tcugen.cells.structure import DESIGN, net_name, whole
from tcugen.fpga.errors import SynthesisError
from tcugen.fpga.timing import Path as TimingPath
from tcugen.fpga.timing import Timing

PERIOD_NS = 10.0
"""Of the clock that slack is measured by: any would do, as all paths take one whole cycle."""

_ENDS = re.compile(r"^(Startpoint|Endpoint): (\w+) ", re.MULTILINE)
_NET = re.compile(r"^\s*\d+\s+(n\d+) \(net\)$", re.MULTILINE)
_SLACK = re.compile(r"^\s*(-?[\d.]+)\s+slack \((?:MET|VIOLATED)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Report:
    """OpenSTA's report of the worst path: names as in the flat netlist, and its slack in nanoseconds."""

    start: str
    end: str
    nets: tuple[str, ...]
    slack_ns: float


def worst_path(
    flat: Flat, library: Library, folder: Path, timeout_seconds: float, report: Callable[[str], None]
) -> Timing:
    """The fastest clock and the path that limits it; wires take no time, as nothing is laid out.

    Args:
        folder: Gets the netlist, the commands and the log.

    Raises:
        SynthesisError: If OpenSTA is missing, fails or takes too long, or the netlist has no path.
    """
    verilog = folder / "timing.v"
    verilog.write_text(whole(flat))
    commands = setup(library, verilog, DESIGN, net_name(flat.clock), PERIOD_NS)
    commands.append("report_checks -path_delay max -format full -fields {net} -digits 4")
    text = run_opensta(commands, folder, "timing", timeout_seconds, report)
    found = read_report(text)
    ns = round(PERIOD_NS - found.slack_ns, 3)
    if ns <= 0:
        raise SynthesisError("OpenSTA found no path that takes time; is the netlist empty?")
    names = [_net(flat, net) for net in found.nets]
    through = tuple(name for name, before in zip(names, ["", *names], strict=False) if name and name != before)
    path = TimingPath(_end(flat, found.start), _end(flat, found.end), ns, ns, 0.0, through)
    return Timing(round(1000 / ns, 2), path)


def read_report(text: str) -> Report:
    """What `report_checks` prints with nets, of one path.

    Raises:
        SynthesisError: If there is no path.
    """
    ends = dict(_ENDS.findall(text))
    slack = _SLACK.search(text)
    if len(ends) != 2 or not slack:
        raise SynthesisError("OpenSTA reports no path from register to register; is the netlist empty?")
    return Report(ends["Startpoint"], ends["Endpoint"], tuple(_NET.findall(text)), float(slack[1]))


def _net(flat: Flat, name: str) -> str:
    return flat.name(int(name[1:]))


def _end(flat: Flat, name: str) -> str:
    """Of a path: a register's signal, a memory, or a port."""
    number = int(name[1:])
    if name[0] == "c":
        held = flat.cells[number].pins.get(HELD_PIN, "")
        return flat.name(held) or "a register"
    place = flat.inputs.get(number) or flat.outputs.get(number, "")
    return ".".join(unit.removeprefix("u_") for unit in place.split("."))
