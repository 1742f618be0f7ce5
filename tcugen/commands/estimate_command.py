"""`tcugen estimate`: what a machine will take of an FPGA and how fast it will be, without writing Verilog."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen.console.machine import MachineFlags, sized
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.fpga.estimate import estimate
from tcugen.fpga.fit import needs, too_scarce
from tcugen.fpga.part import Part
from tcugen.fpga.table import family_of, find_part
from tcugen.network.layer_config import load_network
from tcugen.report.estimate_report import EstimateFigures
from tcugen.report.synth_report import Room, estimate_table, speed_text


@dataclass(frozen=True)
class EstimateOptions:
    """What to estimate.

    Attributes:
        layer_config: Layer-config file or bundled name.
        part: Name of a part or JSON file with one.
        clock_mhz: The clock that milliseconds and images per second are for.
        json_file: Where to write the figures; None for nowhere.
    """

    layer_config: str
    part: str
    clock_mhz: float = 100.0
    json_file: Path | None = None


def show_estimate(options: EstimateOptions, flags: MachineFlags, console: Console) -> Status:
    """Print resources beside the part's, which of them binds, and images per second at the clock.

    Returns:
        MISMATCH if the machine does not fit on the part.

    Raises:
        PartError, NetworkError, SizingError, UsageError: Bad input; nothing is written then.
    """
    part = find_part(options.part)
    if not 1 <= options.clock_mhz <= 1000:
        raise UsageError(f"--clock-mhz {options.clock_mhz:g}: must be between 1 and 1000 MHz")
    start_over({"--json": options.json_file}, (options.layer_config, options.part))
    network, note = load_network(options.layer_config)
    if note:
        console.print(note, highlight=False, markup=False)
    sizing = sized(network, flags)
    architecture = sizing.architecture
    guess = estimate(architecture, part)
    found = needs(guess, part)
    scarce = too_scarce(found)
    moved = sizing.planned.prediction.bytes_read + sizing.planned.prediction.bytes_written
    seconds = sizing.cycles / (options.clock_mhz * 1e6)
    figures: EstimateFigures = {
        "format": 1,
        "network": network.name,
        "part": part.name,
        "array": f"{architecture.rows}x{architecture.columns}",
        "architecture": architecture.to_dict(),
        "estimated": {"lut": guess.lut, "ff": guess.ff, "dsp": guess.dsp, "bram": guess.bram, "fmax_mhz": None},
        "fits": not scarce,
        "binds": found[0].name,
        "predicted_cycles": sizing.cycles,
        "clock_mhz": options.clock_mhz,
        "milliseconds": 1000 * seconds,
        "images_per_second": 1 / seconds,
        "gops": 2 * network.mac_count / seconds / 1e9,
        "gb_per_s": moved / seconds / 1e9,
    }
    console.print(estimate_table(part.name, figures["array"], figures["estimated"], room_of(part)))
    console.print(f"scarcest: {found[0].name}, {100 * found[0].share:.0f} % of the part's", highlight=False)
    for need in scarce:
        console.print(
            f"does not fit on {part.name}: {need.needed:,} of {need.available:,} {need.name}", highlight=False
        )
    unknown = [name for name, value in (("LUTs", guess.lut), ("multipliers", guess.dsp)) if value is None]
    if unknown:
        console.print(f"not known for family {part.family}: {', '.join(unknown)}", highlight=False, markup=False)
    text = speed_text(options.clock_mhz, sizing.cycles, network.mac_count, moved, network.name)
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if options.json_file:
        write_json(options.json_file, figures)
    return Status.MISMATCH if scarce else Status.OK


def room_of(part: Part) -> Room:
    """What a part has, in the words of its data sheet."""
    family = family_of(part)
    return {
        "lut": part.luts,
        "ff": part.flip_flops,
        "dsp": part.dsps,
        "bram": part.brams,
        "lut_kind": f"LUT{family.lut_inputs}",
        "dsp_kind": family.dsp or "none",
        "bram_kind": family.bram,
    }
