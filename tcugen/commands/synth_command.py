"""`tcugen synth`: a build mapped to an FPGA by Yosys, and placed by nextpnr where there is one for the part."""

import json
import shutil
import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.commands.estimate_command import room_of
from tcugen.console.machine import MachineFlags, existing_architecture
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.output_folder import check_creatable
from tcugen.fpga.estimate import estimate
from tcugen.fpga.family import PLACERS
from tcugen.fpga.part import Part
from tcugen.fpga.placement import Placed, place
from tcugen.fpga.synthesis import SOURCES, Netlist, synthesise
from tcugen.fpga.table import find_part
from tcugen.fpga.tools import Progress, Tool, find_placer, find_yosys
from tcugen.report.synth_report import SynthFigures, path_text, speed_text, synth_table, too_much


@dataclass(frozen=True)
class SynthOptions:
    """What to synthesise.

    Attributes:
        build: Folder that `tcugen build` wrote.
        part: Name of a part or JSON file with one.
        place: Place and route too.
        clock_mhz: The clock that placement aims at.
        seed: Seed of the placement.
        timeout: Seconds that each tool may take; None for no limit.
        keep: Folder for netlist, logs and reports of the tools; None keeps none.
        json_file: Where to write the figures; None for nowhere.
    """

    build: Path
    part: str
    place: bool = False
    clock_mhz: float = 100.0
    seed: int = 1
    timeout: float | None = None
    keep: Path | None = None
    json_file: Path | None = None


def synth(options: SynthOptions, console: Console) -> Status:
    """Map, and place if asked; print what is taken of the part, the clock, the slowest path and images per second.

    Returns:
        MISMATCH if the machine does not fit on the part.

    Raises:
        UsageError: If the folder is no build, or an argument is out of range.
        PartError, ToolError: If there is no such part, or a tool is missing, fails or takes too long.
    """
    part = find_part(options.part)
    architecture = existing_architecture(options.build, MachineFlags(), "BUILD")
    _check(options)
    yosys = find_yosys()
    placer = None
    if options.place:
        if part.nextpnr is None and part.family in PLACERS:
            nextpnr = PLACERS[part.family].command
            raise UsageError(f"--place: {part.name} is no device of {nextpnr}; leave --place out for counts only")
        placer = find_placer(part.family)
    start_over({"--json": options.json_file}, (options.part,))
    with tempfile.TemporaryDirectory(prefix="tcugen-synth-") as name:
        folder = Path(name)
        try:
            with _Steps(console, yosys, "mapping") as progress:
                netlist = synthesise(options.build, part.family, folder, yosys, options.timeout, progress)
            figures = _figures(architecture, part, netlist)
            room = room_of(part)
            missing = too_much(figures, room)
            placed = None
            if placer and not missing:
                with _Steps(console, placer, "placing") as progress:
                    placed = place(
                        netlist,
                        part,
                        folder,
                        (yosys, placer),
                        options.clock_mhz,
                        options.seed,
                        options.timeout,
                        progress,
                    )
                figures["fmax_mhz"] = placed.fmax_mhz
                figures["critical_path"] = [step.signal for step in placed.path]
        finally:
            if options.keep:
                shutil.copytree(folder, options.keep, dirs_exist_ok=True)
    console.print(synth_table(part.name, figures, room))
    for line in _remarks(options, part, placed, missing, netlist):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if options.json_file:
        write_json(options.json_file, figures)
    return Status.MISMATCH if missing else Status.OK


def _check(options: SynthOptions) -> None:
    for name in SOURCES:
        if not (options.build / name).is_file():
            raise UsageError(f"{options.build} has no {name}; give a folder that `tcugen build` wrote")
    if not 1 <= options.clock_mhz <= 1000:
        raise UsageError(f"--clock-mhz {options.clock_mhz:g}: must be between 1 and 1000 MHz")
    if options.seed < 0:
        raise UsageError(f"--seed is {options.seed}, but it must not be negative")
    if options.timeout is not None and not options.timeout > 0:
        raise UsageError(f"--timeout {options.timeout:g}: must be more than 0 s; leave it out for no limit")
    if options.keep:
        check_creatable(options.keep, "--keep")


class _Steps(AbstractContextManager[Progress]):
    """Shows what a tool is doing on a terminal, and once elsewhere that it works."""

    def __init__(self, console: Console, tool: Tool, verb: str):
        self._verb = f"{verb} with {tool.name}"
        if tool.announcement:
            console.print(tool.announcement, highlight=False, markup=False, soft_wrap=True)
        self._status = console.status(self._verb) if console.is_terminal else None
        if self._status is None:
            console.print(self._verb, highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Progress:
        (self._status or nullcontext()).__enter__()

        def progress(text: str) -> None:
            if self._status:
                self._status.update(f"{self._verb}: {text}")

        return progress

    def __exit__(self, *exception: Any) -> None:
        if self._status:
            self._status.__exit__(*exception)


def _figures(architecture: Architecture, part: Part, netlist: Netlist) -> SynthFigures:
    counts, guess = netlist.counts, estimate(architecture, part)
    return {
        "array": f"{architecture.rows}x{architecture.columns}",
        "lut": counts.lut,
        "ff": counts.ff,
        "dsp": counts.dsp,
        "bram": counts.bram,
        "fmax_mhz": None,
        "critical_path": None,
        "estimated": {"lut": guess.lut, "ff": guess.ff, "dsp": guess.dsp, "bram": guess.bram, "fmax_mhz": None},
    }


def _remarks(
    options: SynthOptions, part: Part, placed: Placed | None, missing: list[str], netlist: Netlist
) -> list[str]:
    lines = [f"of the LUTs, {netlist.counts.lut_ram:,} are memories or delays; ports trace_* are open"]
    if missing:
        lines.append(f"does not fit on {part.name}: {', '.join(missing)}")
    elif placed is None and part.family not in PLACERS:
        lines.append(f"counts only: pip has no place-and-route for {part.name}, so there is no clock")
    elif placed is None:
        lines.append("counts only: --place places and routes it, for the clock")
    else:
        lines.append(f"clock: {placed.fmax_mhz:.1f} MHz, placed and routed")
        lines.append(path_text([(step.signal, step.delay_ns) for step in placed.path], placed.fmax_mhz))
        lines += _speed(options.build, placed.fmax_mhz)
    return lines


def _speed(build: Path, fmax_mhz: float) -> list[str]:
    try:
        report = json.loads((build / "report.json").read_text())
        moved = report["predicted_bytes_read"] + report["predicted_bytes_written"]
        return [speed_text(fmax_mhz, report["predicted_cycles"], report["mac_count"], moved, report["network"])]
    except (OSError, ValueError, KeyError, TypeError):
        return [f"images per second: not known, {build} has no report.json with predicted cycles"]
