"""From a netlist to a placed and routed part, by nextpnr."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tcugen.fpga.errors import SynthesisError
from tcugen.fpga.join import put_into
from tcugen.fpga.parts import Part
from tcugen.fpga.recipes import RECIPES
from tcugen.fpga.synthesis import TOP, Netlist
from tcugen.fpga.timing import Timing, read_timing
from tcugen.fpga.tools import find_nextpnr, run
from tcugen.fpga.wrapper import MACHINE, PINS, Port, wrapper
from tcugen.fpga.wrapper import TOP as WRAPPER

REPORT = "report.json"
LOG = "nextpnr.log"
_JOINED = "placed.json"


@dataclass(frozen=True)
class Placement:
    """A placed and routed machine; log, netlist and nextpnr's report are in `folder`."""

    timing: Timing
    folder: Path


def place(
    netlist: Netlist,
    part: Part,
    mhz: float,
    seed: int,
    timeout_seconds: float,
    report: Callable[[str], None],
    announce: Callable[[str], None] = lambda _: None,
) -> Placement:
    """Place and route a machine.

    Args:
        mhz: The clock that nextpnr aims at.
        seed: Of its random numbers.
        timeout_seconds: For each tool.
        report, announce: As in `synthesise`.

    Raises:
        SynthesisError: If nextpnr is missing, fails, finds no room or takes too long.
    """
    recipe = RECIPES[part.family]
    nextpnr = find_nextpnr(recipe)
    folder = netlist.path.parent / f"{part.name}-{mhz:g}-{seed}"
    if not (folder / REPORT).exists():
        announce(
            f"{nextpnr.identity}: {part.name}, aiming at {mhz:g} MHz, seed {seed}; many minutes for a larger machine"
        )
        if nextpnr.compiles_first:
            announce(f"{nextpnr.identity} is WebAssembly: its first call compiles it, which takes a minute or more")
        work = Path(tempfile.mkdtemp(prefix=".placement.", dir=netlist.path.parent))
        try:
            (work / "wrapper.v").write_text(wrapper(TOP, _ports(netlist.path)))
            (work / "wrap.ys").write_text(_wrap(part.family))
            run(netlist.yosys, ["-s", "wrap.ys"], work, work / "wrap.log", timeout_seconds, report)
            (work / _JOINED).write_text(_joined(netlist.path, work / "wrapper.json"))
            arguments = [
                *part.place,
                *_pin_arguments(part, work),
                *("--json", _JOINED, "--report", REPORT, "--freq", f"{mhz:g}", "--seed", str(seed)),
                "--timing-allow-fail",
            ]
            run(nextpnr, arguments, work, work / LOG, timeout_seconds, report)
            if not folder.exists():
                work.replace(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Placement(read_timing(json.loads((folder / REPORT).read_text())), folder)


def _ports(netlist: Path) -> list[Port]:
    ports = json.loads(netlist.read_text())["modules"][TOP]["ports"]
    return [Port(name, port["direction"], len(port["bits"])) for name, port in ports.items()]


def _wrap(family: str) -> str:
    """The wrapper is synthesised around a black box, which the machine's netlist then replaces: what is placed is what
    was counted."""
    return f"read_verilog wrapper.v\n{RECIPES[family].wrapped} -top {WRAPPER}\nwrite_json wrapper.json\n"


def _joined(netlist: Path, wrapped: Path) -> str:
    modules = json.loads(wrapped.read_text())["modules"]
    machine = json.loads(netlist.read_text())["modules"][TOP]
    joined = put_into(modules[WRAPPER], machine, MACHINE)
    return json.dumps({"modules": {WRAPPER: joined | {"attributes": {"top": "1".zfill(32)}}}})


def _pin_arguments(part: Part, work: Path) -> list[str]:
    """Where the wrapper's pins are, for the tools that ask."""
    if part.family == "ecp5":
        return ["--lpf-allow-unconstrained"]
    if len(part.pins) != len(PINS):
        raise SynthesisError(
            f"{part.name} has {len(part.pins)} `pins`, but {RECIPES[part.family].nextpnr} must be told "
            f"{len(PINS)}: of {', '.join(PINS)}; add them to the part"
        )
    sites = list(zip(PINS, part.pins, strict=True))
    if part.family == "nexus":
        lines = [f"ldc_set_location -site {{{site}}} [get_ports {pin}]" for pin, site in sites]
        (work / "pins.pdc").write_text("\n".join(lines) + "\n")
        return ["--pdc", "pins.pdc"]
    (work / "pins.cst").write_text("".join(f'IO_LOC "{pin}" {site};\n' for pin, site in sites))
    return ["--vopt", "cst=pins.cst"]
