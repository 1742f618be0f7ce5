"""`tcugen synth`: an earlier build synthesised for a part by open tools, and counted."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.commands.part_fit import refuse_too_small, resources
from tcugen.console.machine import MachineFlags, existing_architecture
from tcugen.console.outcome import UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.progress_bar import tool_reporter
from tcugen.fpga import paths
from tcugen.fpga.estimate import estimate
from tcugen.fpga.parts import Part, bundled_parts, find_part
from tcugen.fpga.placement import Placement, place
from tcugen.fpga.recipes import RECIPES
from tcugen.fpga.synthesis import TOP, Netlist, synthesise
from tcugen.report.synth_report import paths_table, resource_table
from tcugen.simulator.environment import default_cache_dir

TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class SynthOptions:
    """Arguments of `tcugen synth`.

    Attributes:
        build: Folder that `tcugen build` wrote.
        part: Name of a part, or a file that describes one.
        place: Place and route too.
        mhz, seed: What nextpnr aims at, and of its random numbers.
        timeout_seconds: For each tool.
        json_file: Gets the figures.
        paths: How many of the longest paths are shown, before placement.
    """

    build: Path
    part: str
    place: bool = False
    mhz: float = 100
    seed: int = 1
    timeout_seconds: float = TIMEOUT_SECONDS
    json_file: Path | None = None
    paths: int = 0


def synth(options: SynthOptions, console: Console) -> dict[str, object]:
    """Synthesise, print what the machine takes of the part, and return the figures that `--json` writes.

    They are `array`, `lut`, `ff`, `dsp`, `bram`, `fmax_mhz`, `critical_path` and `estimated`; null is what is not
    known. With `paths` they have those too.

    Raises:
        PartError, UsageError: If the part or the build is none.
        SynthesisError: If a tool is missing, fails or takes too long.
    """
    part = find_part(options.part)
    if options.timeout_seconds <= 0:
        raise UsageError(f"--timeout is {options.timeout_seconds:g}, but it must be more than 0 seconds; leave it out")
    if options.mhz <= 0 or options.seed < 0:
        raise UsageError(
            f"--mhz is {options.mhz:g} and --seed {options.seed}, but they must be more than 0 and at least 0; "
            "leave them out"
        )
    if options.place and not (part.place and RECIPES[part.family].nextpnr):
        placed = ", ".join(other.name for other in bundled_parts() if other.place)
        raise UsageError(
            f"--place: no open tool places on {part.name}; leave it out for counts, or take one of {placed}"
        )
    if options.paths < 0:
        raise UsageError(f"--paths is {options.paths}, but it must be at least 0; leave it out")
    if options.paths and part.family != paths.FAMILY:
        raise UsageError(
            f"--paths: {part.name} is of family {part.family}, but delays are known of {paths.FAMILY} only; "
            "leave it out"
        )
    architecture, cycles = existing_build(options.build)
    refuse_too_small(part, architecture)
    start_over({"--json": options.json_file}, [options.build / "architecture.json"])
    with tool_reporter(console) as report:
        netlist = synthesise(
            options.build, part.family, default_cache_dir(), options.timeout_seconds, report, say(console)
        )
        _show(part, architecture, netlist, console)
        longest: list[dict[str, object]] = []
        if options.paths:
            longest = [path.to_dict() for path in paths.longest_paths(netlist.path, TOP)[: options.paths]]
            console.print(paths_table(longest, paths.ABOVE_NS))
        placement = None
        if options.place:
            placement = place(netlist, part, options.mhz, options.seed, options.timeout_seconds, report, say(console))
    if placement:
        _show_clock(placement, cycles, console)
    else:
        _show_why_no_clock(part, console)
    say(console)(f"log and netlist: {(placement.folder if placement else netlist.path.parent)}")
    figures = _figures(architecture, netlist, placement)
    if options.paths:
        figures["paths"] = longest
    if options.json_file:
        write_json(options.json_file, figures)
    return figures


def say(console: Console) -> Callable[[str], None]:
    """Prints lines as they are."""
    return lambda text: console.print(text, highlight=False, markup=False)


def existing_build(folder: Path) -> tuple[Architecture, int | None]:
    """Architecture and predicted cycles per image of a build; None if its report does not say.

    Raises:
        UsageError: If the folder is none.
    """
    architecture = existing_architecture(folder, MachineFlags(), "BUILD")
    missing = [name for name in ("tcu_top.v", "tcu_sram_1r1w.v") if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"BUILD {folder} is no build: {missing[0]} is missing; give a folder that `tcugen build` wrote"
        )
    try:
        return architecture, int(json.loads((folder / "report.json").read_text())["predicted_cycles"])
    except (OSError, ValueError, KeyError, TypeError):
        return architecture, None


def _figures(architecture: Architecture, netlist: Netlist, placement: Placement | None) -> dict[str, object]:
    estimated = estimate(architecture, netlist.family)
    return {
        "array": f"{architecture.rows}x{architecture.columns}",
        **netlist.counts.to_dict(),
        "fmax_mhz": placement and placement.timing.fmax_mhz,
        "critical_path": placement and placement.timing.path.to_dict(),
        "estimated": dict.fromkeys(("lut", "ff", "dsp", "bram"))
        | (estimated.to_dict() if estimated else {})
        | {"fmax_mhz": None},
    }


def _show(part: Part, architecture: Architecture, netlist: Netlist, console: Console) -> None:
    counts = netlist.counts
    tell = say(console)
    has, kinds = resources(part)
    estimated = estimate(architecture, part.family)
    title = f"{architecture.rows}x{architecture.columns} on {part.name}, by {netlist.yosys.identity}"
    console.print(resource_table(title, counts.to_dict(), has, kinds, estimated and estimated.to_dict()))
    tell(f"{counts.lut / architecture.multipliers:.1f} LUTs per multiplier of the array")
    shares = counts.shares(part)
    over = [name for name, share in shares.items() if share > 1]
    binding = max(shares, key=lambda name: shares[name])
    tell(
        f"does not fit {part.name}: too many of {', '.join(over)}"
        if over
        else f"fits {part.name}; {binding} binds, {100 * shares[binding]:.1f} % used"
    )


def _show_clock(placement: Placement, cycles: int | None, console: Console) -> None:
    timing, tell = placement.timing, say(console)
    images = (
        "" if cycles is None else f", {timing.fmax_mhz * 1e6 / cycles:,.2f} images/s at {cycles:,} predicted cycles"
    )
    tell(f"Fmax {timing.fmax_mhz:.1f} MHz, placed and routed{images}")
    path = timing.path
    tell(
        f"critical path: {path.ns:g} ns (logic {path.logic_ns:g}, routing {path.routing_ns:g}) from {path.start} to "
        f"{path.end}"
    )
    for name in path.through:
        tell(f"    {name}")


def _show_why_no_clock(part: Part, console: Console) -> None:
    if part.place:
        say(console)("counts only: --place finds the clock")
    else:
        say(console)(f"counts only: no open tool places on {part.name}, so there is no clock")
