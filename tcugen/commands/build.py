"""`tcugen build`: from layer shapes to Verilog, program and report."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tcugen import __version__
from tcugen.arch import Architecture
from tcugen.commands.certificates import write_certificate
from tcugen.commands.part_fit import PartFit, checked_part, fit_figures, fit_part, page_fit, say_fit
from tcugen.commands.part_goal import Goal
from tcugen.compiler import compile_network, disassemble, int32_outputs
from tcugen.console.build_record import asked, sha256
from tcugen.console.machine import MachineFlags, sized
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import GENERATOR, MARKER, check_replaceable, replacing
from tcugen.console.page_content import build_page
from tcugen.console.parity_price import parity_price
from tcugen.console.quantization_error import decibels_beside
from tcugen.console.sources import load_model, one_network
from tcugen.driver.folder import write_driver, write_quantization
from tcugen.driver.quantization import HostQuantization, quantization_of
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.graph import Network
from tcugen.network.layer_config import load_network, write_layer_config
from tcugen.page.content import PageContent
from tcugen.page.render import write_page
from tcugen.program import Program
from tcugen.report.build_report import BuildReport, markdown
from tcugen.report.losses import losses_of
from tcugen.sizing.search import Sizing
from tcugen.synthetic.placeholder import placeholder

DEFAULT_ROOT = Path("rtl_out")


@dataclass(frozen=True)
class BuildOptions:
    """Arguments of `tcugen build`.

    Attributes:
        layer_config, model: The network, one of them: layer-config file or bundled name, for a program with placeholder
            weights; or an ONNX or .tflite file or saved model, for one with its weights.
        output: Folder to build into; None for `rtl_out/NAME`.
        part: Name of a part, or a file that describes one, that the machine is to fill; None for no limit.
        clock_mhz: The clock that speeds are reckoned with; None for the assumed one.
        classes: File with the names of the network's classes, one a line; None if they are not known.
        goal: What a machine for a part is chosen for; None if nobody said.
        certify: Prove that the program computes the network.
    """

    layer_config: str | None = None
    model: Path | None = None
    output: Path | None = None
    part: str | None = None
    clock_mhz: float | None = None
    classes: Path | None = None
    goal: Goal | None = None
    certify: bool = True


def build(options: BuildOptions, flags: MachineFlags, console: Console) -> Path:
    """Build and return the folder.

    It then holds the Verilog, `architecture.json`, `layer-config.json`, `program/`, `program.lst` (its listing),
    `driver/`, `report.json`, `report.md`, `report.html` with its data in `report/`, and `build.json`, the marker with
    hashes of the inputs; with a part, `part.json` too.

    Raises:
        NetworkError, ModelError, PartError, SizingError, CompileError, ArchitectureError, UsageError: And nothing is
            written.
    """
    from tcugen.rtl.emit import emit

    started = time.monotonic()
    part = None if options.part is None else checked_part(options.part, options.clock_mhz)
    if part is None and options.clock_mhz is not None:
        raise UsageError(f"--clock-mhz is {options.clock_mhz:g}, but there is no --part; give one or leave it out")
    if part is None and options.goal is not None:
        raise UsageError(f"--goal is {options.goal}, but there is no --part; give one or leave it out")
    quantized = with_weights(one_network(options.layer_config, options.model), console)
    network = quantized.network
    host = quantization_of(quantized, options.model is None, class_names(options.classes))
    folder = options.output or default_folder(network)
    check_replaceable(folder, (options.layer_config, options.model, options.classes, options.part))

    def step(text: str) -> None:
        console.print(f"[{time.monotonic() - started:5.1f} s] {text}", markup=False, highlight=False)

    step(f"network {network.name}: {len(network.nodes)} nodes, {network.mac_count:,} MACs")
    goal = options.goal or Goal.FPS
    fit = part and fit_part(network, part, options.clock_mhz, flags, int32_outputs(quantized), step, goal)
    sizing = fit.filled.sizing if fit else sized(network, flags, int32_outputs(quantized), step)
    console.print(parameter_table(sizing))
    for line in (*remarks(sizing), *parity_price(sizing.architecture, part and part.family)):
        console.print(line, highlight=False, markup=False)
    if fit:
        say_fit(fit, console, lambda line: console.print(line, highlight=False, markup=False))
    step("compiling the program")
    program = compile_network(quantized, sizing.architecture, planned=sizing.planned)
    step(f"program: {len(program.instructions)} instructions, {len(program.weights):,} bytes of weights")
    with replacing(folder) as staging:
        step("writing Verilog")
        emit(sizing.architecture, staging)
        write_network(staging, network, program, sizing, host)
        if options.certify:
            write_certificate(staging / "program", quantized, sizing.architecture, step)
        write_page(staging, page_of(network, sizing, options.model, fit, options.clock_mhz))
        if fit:
            (staging / "part.json").write_text(json.dumps({"format": 1} | fit_figures(fit), indent=1) + "\n")
        marker = identity(network, sizing.architecture, options.model)
        marker |= asked(
            flags,
            certify=options.certify,
            part=part,
            clock_mhz=options.clock_mhz,
            goal=options.goal,
            model=options.model,
        )
        (staging / MARKER).write_text(json.dumps(marker, indent=1) + "\n")
    step(f"written to {folder}")
    console.print(
        f"predicted: {sizing.cycles:,} cycles per image, {100 * sizing.utilisation:.1f} % of the array's peak",
        highlight=False,
    )
    return folder


def class_names(path: Path | None) -> list[str] | None:
    """Lines of a file, None without one; raises UsageError if it cannot be read as text."""
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"--classes {path}: cannot be read ({reason}); give a text file, one name a line") from None
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    return names


def with_weights(source: str | Path, console: Console) -> QuantizedNetwork:
    """A network with weights: a layer config (str) gets placeholders, a model (Path) has its own.

    Raises:
        NetworkError, ModelError: If it cannot be read.
    """
    if isinstance(source, Path):
        return load_model(source, console)
    network, note = load_network(source)
    if note:
        console.print(note, highlight=False, markup=False)
    return placeholder(network)


def default_folder(network: Network) -> Path:
    """`rtl_out/NAME`; raises UsageError if the network's name is no plain folder name."""
    if network.name.startswith(".") or Path(network.name).name != network.name:
        raise UsageError(f"network name {network.name!r} is no folder name; name the output folder with -o")
    return DEFAULT_ROOT / network.name


def parameter_table(sizing: Sizing) -> Table:
    """Every parameter of the architecture with its value and the reason for it."""
    table = Table(title="Architecture")
    table.add_column("parameter")
    table.add_column("value", justify="right")
    table.add_column("reason")
    for name, value in sizing.architecture.to_dict().items():
        table.add_row(name, str(value), sizing.reasons[name])
    return table


def remarks(sizing: Sizing) -> list[str]:
    """The runner-up, and what goes to memory and back for lack of space."""
    lines = [] if sizing.runner_up is None else [f"runner-up: {sizing.runner_up}"]
    if sizing.spilled:
        total = sum(spilled.bytes for spilled in sizing.spilled)
        most = max((spilled.kept_kib for spilled in sizing.spilled if spilled.kept_kib is not None), default=None)
        keeps = "" if most is None else f"; {most} KiB, the least of those tried, keep all of them"
        lines.append(
            f"spilled to memory and back: {len(sizing.spilled)} of {len(sizing.planned.plan.tasks)} results, "
            f"{total:,} bytes{keeps} (report.md names each)"
        )
    return lines


def describe(network: Network, sizing: Sizing) -> BuildReport:
    """The report of a build: what was chosen, why, and what to expect."""
    return {
        "format": 1,
        "network": network.name,
        "mac_count": network.mac_count,
        "architecture": sizing.architecture.to_dict(),
        "reasons": sizing.reasons,
        "predicted_cycles": sizing.cycles,
        "predicted_utilisation": sizing.utilisation,
        "predicted_bytes_read": sizing.planned.prediction.bytes_read,
        "predicted_bytes_written": sizing.planned.prediction.bytes_written,
        "runner_up": sizing.runner_up,
        "spilled": [
            {"tensor": spilled.tensor, "bytes": spilled.bytes, "kept_kib": spilled.kept_kib}
            for spilled in sizing.spilled
        ],
        "nodes": [
            {
                "name": cost.node,
                "op": cost.op,
                "shape": str(network.shapes[cost.node]),
                "macs": cost.macs,
                "predicted_cycles": cost.cycles,
                "losses": losses_of(cost.macs, sizing.architecture.multipliers, cost.busy, cost.stalls),
                "fused_into": cost.fused_into,
            }
            for cost in sizing.costs
        ],
    }


def write_network(folder: Path, network: Network, program: Program, sizing: Sizing, host: HostQuantization) -> None:
    """Write into `folder` what a network brings: layer config, program and its listing, driver, report."""
    (folder / "layer-config.json").write_text(write_layer_config(network))
    (folder / "program").mkdir()
    program.write(folder / "program")
    write_quantization(folder / "program", host)
    (folder / "driver").mkdir()
    write_driver(folder / "driver", program, host)
    (folder / "program.lst").write_text(disassemble(program))
    report = describe(network, sizing)
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / "report.md").write_text(markdown(report))


def page_of(
    network: Network, sizing: Sizing, model: Path | None, fit: PartFit | None = None, clock_mhz: float | None = None
) -> PageContent:
    """What `report.html` of a network on a machine shows; without a model its weights are placeholders."""
    origin = "Shapes alone: weights are placeholders" if model is None else f"Model {model.name}"
    decibels = {} if model is None else decibels_beside(model)
    return build_page(network, sizing, origin, fit and page_fit(fit), clock_mhz, decibels)


def identity(network: Network, architecture: Architecture, model: Path | None) -> dict[str, object]:
    """What a marker says of a network on a machine: who wrote it, and the SHA-256 of its inputs."""
    found: dict[str, object] = {
        "generator": GENERATOR,
        "version": __version__,
        "network": network.name,
        "layer_config_sha256": sha256(write_layer_config(network).encode()),
        "architecture_sha256": sha256(architecture.to_json().encode()),
    }
    return found if model is None else found | {"model_sha256": sha256(model.read_bytes())}
