"""`tcugen estimate`: whether the machine for a network fits a part, and how fast it is there, without writing it."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen.commands.synth import has_and_kinds, say
from tcugen.console.machine import MachineFlags, sized
from tcugen.console.outcome import UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.fpga.estimate import calibrated_families, estimate
from tcugen.fpga.parts import find_part
from tcugen.network.layer_config import load_network
from tcugen.report.synth_report import resource_table


@dataclass(frozen=True)
class EstimateOptions:
    """Arguments of `tcugen estimate`.

    Attributes:
        layer_config: Layer-config file or bundled name.
        part: Name of a part, or a file that describes one.
        clock_mhz: The clock to reckon with.
        json_file: Gets the figures.
    """

    layer_config: str
    part: str
    clock_mhz: float
    json_file: Path | None = None


def estimate_command(options: EstimateOptions, flags: MachineFlags, console: Console) -> dict[str, object]:
    """Size the machine, print what it takes of the part and how fast it is, and return the figures.

    Raises:
        PartError, NetworkError, SizingError, UsageError: If an argument is wrong or the part's family is not
            calibrated.
    """
    part, tell = find_part(options.part), say(console)
    if options.clock_mhz <= 0:
        raise UsageError(f"--clock-mhz is {options.clock_mhz:g}, but it must be more than 0; leave it out for 100")
    if part.family not in calibrated_families():
        raise UsageError(
            f"--part {part.name} is of family {part.family}, but estimates are calibrated for "
            f"{', '.join(calibrated_families())}; build the machine and use `tcugen synth`"
        )
    network, note = load_network(options.layer_config)
    if note:
        tell(note)
    start_over({"--json": options.json_file}, [options.layer_config])
    sizing = sized(network, flags, frozenset(), tell)
    architecture = sizing.architecture
    counts = estimate(architecture, part.family)
    assert counts is not None, "the family is calibrated"
    has, kinds = has_and_kinds(part)
    array = f"{architecture.rows}x{architecture.columns}"
    console.print(resource_table(f"{network.name} on {array}, {part.name}, estimated", counts.to_dict(), has, kinds))
    shares = counts.shares(part)
    binding = max(shares, key=lambda name: shares[name])
    fits = shares[binding] <= 1
    tell(f"{'fits' if fits else 'does not fit'} {part.name}; {binding} binds, {100 * shares[binding]:.1f} % used")
    prediction = sizing.planned.prediction
    seconds = sizing.cycles / (options.clock_mhz * 1e6)
    traffic = (prediction.bytes_read + prediction.bytes_written) / seconds / 1e9
    gops = 2 * network.mac_count / seconds / 1e9
    tell(
        f"at a clock of {options.clock_mhz:g} MHz, which place-and-route must show: {1e3 * seconds:,.2f} ms per image, "
        f"{1 / seconds:,.2f} images/s, {gops:,.1f} GOPS, {traffic:,.2f} GB/s"
    )
    board = part.memory_gb_per_s
    if board is not None and traffic > board:
        tell(f"the fastest memory known beside {part.name} gives {board:g} GB/s: less")
    figures: dict[str, object] = {
        "format": 1,
        "network": network.name,
        "part": part.name,
        "architecture": architecture.to_dict(),
        "estimated": counts.to_dict(),
        "fits": fits,
        "binds": binding,
        "clock_mhz": options.clock_mhz,
        "predicted_cycles": sizing.cycles,
        "milliseconds": 1e3 * seconds,
        "images_per_second": 1 / seconds,
        "gops": gops,
        "gb_per_second": traffic,
    }
    if options.json_file:
        write_json(options.json_file, figures)
    return figures
