"""`tcugen synth --part LIBRARY`: an earlier build in standard cells: area, worst path, power, energy per image."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.cells.activity import read_activities
from tcugen.cells.area import ModuleArea, area_by_module
from tcugen.cells.cell_library import Library, find_library, read_liberty
from tcugen.cells.flat import flatten
from tcugen.cells.opensta import find_opensta, workspace
from tcugen.cells.power import Power, power_of
from tcugen.cells.structure import holding
from tcugen.cells.synthesis import synthesise
from tcugen.cells.timing import worst_path
from tcugen.commands.synth import SynthOptions, existing_build, say, synth
from tcugen.console.outcome import UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.progress_bar import tool_reporter
from tcugen.fpga.synthesis import TOP
from tcugen.fpga.timing import Timing
from tcugen.report.cells_report import area_table
from tcugen.simulator.environment import default_cache_dir


def synth_part(options: SynthOptions, activity: Path | None, console: Console) -> dict[str, object]:
    """`synth_cells` if `--part` is a library of cells, else `synth`.

    Args:
        activity: Waves of a run of the build, for the power of cells.

    Raises:
        PartError, UsageError: If the part or the build is none, or a flag does not go with the part.
        SynthesisError: If a tool is missing, fails or takes too long.
    """
    library = find_library(options.part)
    if library:
        return synth_cells(options, library, activity, console)
    if activity:
        raise UsageError(
            f"--activity: power is known of standard cells only, not of {options.part}; leave it out, or take "
            "--part osu018"
        )
    return synth(options, console)


def synth_cells(options: SynthOptions, library: Library, activity: Path | None, console: Console) -> dict[str, object]:
    """Synthesise for a library, print area by module, worst path and power, and return the figures that `--json`
    writes.

    They are those of `synth`, of which cells have `array`, `ff`, `fmax_mhz` and `critical_path`, and `area_um2`,
    `area_by_module`, `memory_bits`, `power_mw`, `power_by_module`, `power_clock_mhz` and `energy_mj`; null is what is
    not known.

    Raises:
        UsageError: If the build is none, or a flag does not go with cells.
        SynthesisError: If a tool or the library is missing, or a tool fails or takes too long, or the waves are none.
    """
    _check(options, library, activity)
    architecture, cycles = existing_build(options.build)
    cells = read_liberty(library)
    find_opensta()
    start_over({"--json": options.json_file}, [options.build / "architecture.json", *([activity] if activity else [])])
    tell = say(console)
    with tool_reporter(console) as report:
        mapped = synthesise(options.build, library, default_cache_dir(), options.timeout_seconds, report, tell)
        modules = json.loads(mapped.path.read_text())["modules"]
        areas = area_by_module(modules, TOP, cells)
        flat = flatten(modules, TOP, cells)
        with workspace(mapped.path.parent, "timing") as work:
            timing = worst_path(flat, library, work, options.timeout_seconds, report)
        power = None
        if activity:
            activities = read_activities(activity, flat, holding(flat, cells).values())
            clock_mhz = min(options.mhz, timing.fmax_mhz)
            with workspace(mapped.path.parent, "power") as work:
                power = power_of(flat, library, cells, activities, clock_mhz, work, options.timeout_seconds, report)
    name = f"{architecture.rows}x{architecture.columns}"
    rows = [_row(area, power) for area in areas]
    console.print(area_table(f"{name} in {library.name}, by {mapped.yosys.identity}", rows))
    figures = _figures(architecture, areas, timing, power, cycles)
    _show(figures, timing, power, cycles, console)
    tell(f"log and netlist: {mapped.path.parent}")
    if options.json_file:
        write_json(options.json_file, figures)
    return figures


def _check(options: SynthOptions, library: Library, activity: Path | None) -> None:
    if options.place or options.paths:
        flag = "--place" if options.place else "--paths"
        raise UsageError(f"{flag}: {library.name} is a library of cells, of which nothing is laid out; leave it out")
    if options.timeout_seconds <= 0:
        raise UsageError(f"--timeout is {options.timeout_seconds:g}, but it must be more than 0 seconds; leave it out")
    if options.mhz <= 0:
        raise UsageError(f"--mhz is {options.mhz:g}, but it must be more than 0; leave it out")
    if activity and not activity.is_file():
        raise UsageError(
            f"--activity {activity}: no such file; write it with `tcugen simulate --rtl BUILD --waves FILE.vcd`"
        )


def _row(area: ModuleArea, power: Power | None) -> dict[str, Any]:
    return {
        "module": area.module,
        "instances": area.instances,
        "area_um2": area.area_um2,
        "flip_flops": area.flip_flops,
        "memory_bits": area.memory_bits,
        "power_mw": power and power.by_module.get(area.module, 0.0),
    }


def _figures(
    architecture: Architecture, areas: list[ModuleArea], timing: Timing, power: Power | None, cycles: int | None
) -> dict[str, object]:
    return {
        "array": f"{architecture.rows}x{architecture.columns}",
        "lut": None,
        "ff": sum(area.flip_flops for area in areas),
        "dsp": None,
        "bram": None,
        "fmax_mhz": timing.fmax_mhz,
        "critical_path": timing.path.to_dict(),
        "estimated": dict.fromkeys(("lut", "ff", "dsp", "bram", "fmax_mhz")),
        "area_um2": sum(area.area_um2 for area in areas),
        "area_by_module": {area.module: area.area_um2 for area in areas},
        "memory_bits": sum(area.memory_bits for area in areas),
        "power_mw": power and power.mw,
        "power_by_module": power and power.by_module,
        "power_clock_mhz": power and power.clock_mhz,
        "energy_mj": power.energy_mj(cycles) if power and cycles is not None else None,
    }


def _show(figures: dict[str, Any], timing: Timing, power: Power | None, cycles: int | None, console: Console) -> None:
    tell = say(console)
    tell(
        f"{figures['area_um2'] / 1e6:.3f} mm2 of cells, {figures['ff']:,} flip-flops; {figures['memory_bits']:,} bits "
        "of memory are counted, not built: the library has none"
    )
    images = (
        "" if cycles is None else f", {timing.fmax_mhz * 1e6 / cycles:,.2f} images/s at {cycles:,} predicted cycles"
    )
    tell(f"Fmax {timing.fmax_mhz:.1f} MHz without wires and clock tree, as nothing is laid out{images}")
    path = timing.path
    tell(f"worst path: {path.ns:g} ns from {path.start} to {path.end}")
    for name in path.through:
        tell(f"    {name}")
    tell("paths through memories are cut: they end where a memory begins and begin where it ends, at the clock edge")
    if power is None:
        tell("no power: --activity FILE.vcd gives the waves of a run (`tcugen simulate --rtl BUILD --waves FILE.vcd`)")
        return
    seen = power.activities
    energy = "" if figures["energy_mj"] is None else f"; {figures['energy_mj']:.4g} mJ per image"
    tell(
        f"{power.mw:.1f} mW at {power.clock_mhz:g} MHz, without wires, memories and clock tree: clock pins "
        f"{power.clock_mw:.1f}, leakage {power.leakage_mw:.2g}{energy}"
    )
    tell(
        f"activity: {seen.cycles:,} cycles of waves, which have {100 * seen.seen:.1f} % of what starts a path; the "
        "rest is given the mean"
    )
