"""`tcugen calibrate`: machines synthesised to measure what estimates rest on."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen.commands.synth import TIMEOUT_SECONDS, say
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import check_file
from tcugen.console.progress_bar import tool_reporter
from tcugen.fpga.calibration import MACHINES, Measurement, parse, text_of
from tcugen.fpga.recipes import RECIPES
from tcugen.fpga.synthesis import synthesise
from tcugen.simulator.environment import default_cache_dir


@dataclass(frozen=True)
class CalibrateOptions:
    """Arguments of `tcugen calibrate`.

    Attributes:
        family: Of parts, a key of RECIPES.
        output: Calibration file; what it holds of other families stays.
        machines: How many of MACHINES, smallest first; None for all.
        timeout_seconds: For each machine.
    """

    family: str
    output: Path
    machines: int | None = None
    timeout_seconds: float = TIMEOUT_SECONDS


def calibrate(options: CalibrateOptions, console: Console) -> None:
    """Synthesise MACHINES for a family; the file has every machine as soon as it is measured.

    Raises:
        UsageError: If the family is none or the file cannot be read or written.
        SynthesisError: If Yosys is missing, fails or takes too long.
    """
    from tcugen.rtl.emit import emit

    if options.family not in RECIPES:
        raise UsageError(f"--family is {options.family!r}, but it must be one of {', '.join(RECIPES)}; choose one")
    if options.machines is not None and options.machines < 1:
        raise UsageError(f"--machines is {options.machines}, but it must be at least 1; leave it out for all")
    check_file(options.output, "-o")
    try:
        known = parse(options.output.read_text()) if options.output.exists() else {}
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"-o {options.output} is no calibration file ({reason}); name another one") from None
    tell = say(console)
    measured: list[Measurement] = []
    for architecture in MACHINES[: options.machines]:
        tell(f"{len(measured) + 1} of {len(MACHINES[: options.machines])}: {architecture.to_dict()}")
        with tempfile.TemporaryDirectory() as folder, tool_reporter(console) as report:
            emit(architecture, Path(folder))
            netlist = synthesise(
                Path(folder), options.family, default_cache_dir(), options.timeout_seconds, report, tell
            )
        measured.append(Measurement(architecture, netlist.counts, netlist.yosys.identity))
        tell(str(netlist.counts))
        options.output.write_text(text_of(known | {options.family: measured}))
