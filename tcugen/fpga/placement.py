"""A mapped machine placed and routed by nextpnr: its clock, and the path that bounds it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcugen.fpga.errors import ToolError
from tcugen.fpga.family import SYNTHESIS
from tcugen.fpga.part import Part
from tcugen.fpga.synthesis import TOP, Netlist
from tcugen.fpga.tools import Progress, Tool, run
from tcugen.fpga.wrapper import INSTANCE, MODULE, Port, wrapper_verilog

REPORT = "report.json"
LOG = "nextpnr.log"
PADS = {"gowin": "synth_gowin", "gatemate": "synth_gatemate", "nexus": "synth_nexus"}
"""How the wrapper is mapped where pads are wanted; else as the machine."""
NEXUS_SITES = ("L5", "L6", "L7", "M6")
"""Balls of package BG400 for the pins of the wrapper; nextpnr-nexus does not choose them itself."""


@dataclass(frozen=True)
class Step:
    """A wire on the way of a path.

    Attributes:
        signal: Its name, units first.
        delay_ns: From the step before to the end of this wire.
    """

    signal: str
    delay_ns: float


@dataclass(frozen=True)
class Placed:
    """A placed and routed machine: the clock it reaches, its slowest path, what it takes as nextpnr counts it."""

    fmax_mhz: float
    path: tuple[Step, ...]
    used: Mapping[str, int]


def place(
    netlist: Netlist,
    part: Part,
    folder: Path,
    tools: tuple[Tool, Tool],
    clock_mhz: float,
    seed: int,
    timeout: float | None,
    progress: Progress,
) -> Placed:
    """Place and route a machine between the registers of a wrapper with four pins.

    Args:
        netlist: The mapped machine, in `folder`.
        part: The part; it must have `nextpnr`.
        tools: Yosys and the family's nextpnr.
        clock_mhz: The clock that is aimed at.
        seed: Of the placement.
        timeout: Seconds that nextpnr may take; None for no limit.

    Raises:
        ToolError: If the part has no device of nextpnr, or a tool fails or takes too long.
    """
    if part.nextpnr is None:
        raise ToolError(f"--part {part.name}: nextpnr has no such device; leave --place out for counts only")
    yosys, nextpnr = tools
    design = json.loads(netlist.path.read_text())
    machine = design["modules"][TOP]
    ports = [
        Port(name, port["direction"] == "input", len(port["bits"]))
        for name, port in machine["ports"].items()
        if not name.startswith("trace_")
    ]
    (folder / "wrapper.v").write_text(wrapper_verilog(TOP, ports))
    command = PADS.get(part.family, SYNTHESIS[part.family])
    flat = " -noflatten" if part.family not in ("xc7", "xcup", "ice40") else ""
    script = f"read_verilog wrapper.v; {command}{flat} -top {MODULE}; write_json wrapper.json"
    run(yosys, ("-p", script), folder, "wrapper.log", None, progress)
    # The machine is the one that was counted: mapped once, and joined as it is.
    design["modules"][MODULE] = json.loads((folder / "wrapper.json").read_text())["modules"][MODULE]
    machine["attributes"].pop("top", None)
    (folder / "joined.json").write_text(json.dumps(design))
    script = f"read_json joined.json; hierarchy -top {MODULE}; flatten; opt_clean -purge; write_json placed.json"
    run(yosys, ("-p", script), folder, "join.log", None, progress)
    arguments = ["--json", "placed.json", "--report", REPORT, "--freq", f"{clock_mhz:g}", "--seed", str(seed)]
    arguments += ["--timing-allow-fail", "--detailed-timing-report", *_device(part, folder)]
    run(nextpnr, arguments, folder, LOG, timeout, progress)
    return read_report(json.loads((folder / REPORT).read_text()))


def _device(part: Part, folder: Path) -> list[str]:
    assert part.nextpnr is not None
    device, *more = part.nextpnr
    match part.family:
        case "ecp5":
            return [f"--{device}", "--package", more[0], "--speed", "6", "--lpf-allow-unconstrained"]
        case "ice40":
            return [f"--{device}", "--package", more[0]]
        case "nexus":
            lines = [
                f"ldc_set_location -site {{{site}}} [get_ports {pin}]"
                for pin, site in zip(("clk", "data_in", "load", "data_out"), NEXUS_SITES, strict=True)
            ]
            (folder / "pins.pdc").write_text("\n".join(lines) + "\n")
            return ["--device", device, "--pdc", "pins.pdc"]
        case "gowin":
            return ["--device", device, "--vopt", f"family={more[0]}"]
        case _:
            return ["--device", device]


def read_report(report: Mapping[str, Any]) -> Placed:
    """Clock and slowest path within it from nextpnr's report.

    Raises:
        ToolError: If there is no clock in it.
    """
    clocks: Mapping[str, Mapping[str, float]] = report["fmax"]
    if not clocks:
        raise ToolError("nextpnr reports no clock: the design has no path from register to register")
    clock, found = min(clocks.items(), key=lambda item: item[1]["achieved"])
    paths = [path for path in report["critical_paths"] if clock in path["from"] and clock in path["to"]]
    used = {name: int(use["used"]) for name, use in report["utilization"].items() if use["used"]}
    return Placed(round(found["achieved"], 2), steps(paths[0]["path"]) if paths else (), used)


def steps(path: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The named wires of a path; those that mapping made are counted to the next named one."""
    found: list[Step] = []
    delay = 0.0
    for element in path:
        delay += element["delay"]
        if element["type"] == "routing" and (name := signal_name(element.get("net", ""))):
            if found and found[-1].signal == name:
                found[-1] = Step(name, round(found[-1].delay_ns + delay, 3))
            else:
                found.append(Step(name, round(delay, 3)))
            delay = 0.0
    if found:
        found[-1] = Step(found[-1].signal, round(found[-1].delay_ns + delay, 3))
    return tuple(found)


# Yosys names what it makes after the wire it drives: NAME_CELL_PORT, again and again.
_MADE = re.compile(
    r"_(?:LUT[1-6]|PFUMX|L6MUX21|CCU2C?|WIDEFN9|TRELLIS_\w+?|DP16KD|MULT\d+X\d+D?|FD1P3\w\w|DFF\w*?|ALU|MUX2_LUT\d|"
    r"PDPSC16K\w*?|DPR16X4|RAM16SDP\d|S[PD]\w*?|CC_\w+?)_[A-Z][A-Z0-9]*(?=_|$|\[).*"
)


def signal_name(net: str) -> str:
    """A wire's name as the Verilog has it, units first and without the prefixes `u_`; empty if it has none."""
    name = net.removeprefix(f"{INSTANCE}.")
    if name.startswith("$") or ".$" in name:
        return ""
    bit = re.search(r"\[\d+\]$", name)
    plain = _MADE.sub("", name)
    if plain == name and bit:
        return ".".join(part.removeprefix("u_") for part in name.split("."))
    return ".".join(part.removeprefix("u_") for part in re.sub(r"\[\d+\]$", "", plain).split("."))
