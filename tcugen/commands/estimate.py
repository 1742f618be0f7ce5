"""`tcugen estimate`: the machine for a network inside a part, and how fast it is there, without writing it."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen.commands.build import parameter_table
from tcugen.commands.part_fit import checked_part, fit_figures, fit_part, say_fit
from tcugen.commands.part_goal import Goal
from tcugen.commands.synth import say
from tcugen.console.machine import MachineFlags
from tcugen.console.output_files import start_over, write_json
from tcugen.network.layer_config import load_network


@dataclass(frozen=True)
class EstimateOptions:
    """Arguments of `tcugen estimate`.

    Attributes:
        layer_config: Layer-config file or bundled name.
        part: Name of a part, or a file that describes one.
        clock_mhz: The clock to reckon with; None for the assumed one.
        json_file: Gets the figures.
        goal: What the machine is chosen for.
    """

    layer_config: str
    part: str
    clock_mhz: float | None = None
    json_file: Path | None = None
    goal: Goal = Goal.FPS


def estimate_command(options: EstimateOptions, flags: MachineFlags, console: Console) -> dict[str, object]:
    """Find the machine inside the part, print what it takes and how fast it is, and return the figures.

    Raises:
        PartError, NetworkError, SizingError, CompileError, UsageError: If an argument is wrong, the part's family is
            not calibrated or no machine fits.
    """
    tell = say(console)
    part = checked_part(options.part, options.clock_mhz)
    network, note = load_network(options.layer_config)
    if note:
        tell(note)
    start_over({"--json": options.json_file}, [options.layer_config])
    fit = fit_part(network, part, options.clock_mhz, flags, frozenset(), tell, options.goal)
    console.print(parameter_table(fit.filled.sizing))
    say_fit(fit, console, tell)
    figures: dict[str, object] = {
        "format": 1,
        "network": network.name,
        "architecture": fit.architecture.to_dict(),
        "predicted_cycles": fit.filled.sizing.cycles,
        **fit_figures(fit),
    }
    if options.json_file:
        write_json(options.json_file, figures)
    return figures
