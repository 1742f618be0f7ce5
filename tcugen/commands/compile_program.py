"""`tcugen compile`: the program of a network for a machine that exists, without its Verilog."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from tcugen import __version__
from tcugen.arch import Architecture
from tcugen.commands.build import class_names, identity, page_of, remarks, with_weights, write_network
from tcugen.commands.certificates import write_certificate
from tcugen.compiler import compile_network, int32_outputs
from tcugen.compiler.integers import integers_of
from tcugen.console.machine import MachineFlags, existing_architecture
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import MARKER, PROGRAM_MARKER, check_replaceable, replacing
from tcugen.driver.quantization import quantization_of
from tcugen.mapping.errors import CompileError
from tcugen.mapping.plan import plan_network
from tcugen.mapping.tasks import tasks_of
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.store import is_stored
from tcugen.page.render import write_page
from tcugen.planning.costs import node_costs
from tcugen.planning.planned import Planned
from tcugen.planning.search import best_plan
from tcugen.sizing.buffers import MAX_ACCUMULATOR_BITS
from tcugen.sizing.memory import need_of, smallest_kib, spilled_tensors
from tcugen.sizing.search import Sizing


@dataclass(frozen=True)
class CompileOptions:
    """Arguments of `tcugen compile`.

    Attributes:
        network: Layer-config file or bundled name, for a program with placeholder weights; or a quantized ONNX file or
            saved model, for one with its weights.
        rtl: Folder of the build whose machine is to run it.
        output: Folder to write.
        certify: Prove that the program computes the network.
        classes: File with the names of the network's classes, one a line; None if they are not known.
    """

    network: str
    rtl: Path
    output: Path
    certify: bool = True
    classes: Path | None = None


def compile_program(options: CompileOptions, console: Console) -> Path:
    """Compile and return the folder.

    It then holds `program/`, `driver/`, `program.lst` (its listing), `layer-config.json`, `architecture.json`,
    `report.json`, `report.md`, `report.html` with its data in `report/`, and `compile.json`, the marker with hashes of
    the inputs and the way to the machine.

    Raises:
        NetworkError, ModelError, CompileError, UsageError: And nothing is written. What the machine lacks is one error.
    """
    started = time.monotonic()
    architecture = _machine_of(options.rtl)
    check_replaceable(options.output, (options.network, options.classes))
    if (options.output / MARKER).exists():
        raise UsageError(
            f"{options.output} holds a build, and replacing it would delete its Verilog; choose another folder with -o"
        )
    if options.rtl.resolve().is_relative_to(options.output.resolve()):
        raise UsageError(
            f"--rtl {options.rtl} is in {options.output}, and replacing that would delete the machine; choose another "
            "folder with -o"
        )
    names = class_names(options.classes)
    source = _source(options.network)
    quantized = with_weights(source, console)
    network = quantized.network

    def step(text: str) -> None:
        console.print(f"[{time.monotonic() - started:5.1f} s] {text}", markup=False, highlight=False)

    step(f"network {network.name}: {len(network.nodes)} nodes, {network.mac_count:,} MACs")
    planned = _planned(quantized, architecture, options.rtl, step)
    sizing = _as_it_is(quantized, planned)
    for line in remarks(sizing):
        console.print(line, highlight=False, markup=False)
    program = compile_network(quantized, architecture, planned=planned)
    step(f"program: {len(program.instructions)} instructions, {len(program.weights):,} bytes of weights")
    host = quantization_of(quantized, not isinstance(source, Path), names)
    model = source if isinstance(source, Path) else None
    marker = identity(network, architecture, model)
    with replacing(options.output) as staging:
        write_network(staging, network, program, sizing, host)
        if options.certify:
            write_certificate(staging / "program", quantized, architecture, step)
        write_page(staging, page_of(network, sizing, model))
        (staging / "architecture.json").write_text(architecture.to_json())
        way = os.path.relpath(options.rtl.resolve(), options.output.resolve())
        (staging / PROGRAM_MARKER).write_text(json.dumps(marker | {"machine": way}, indent=1) + "\n")
    step(f"written to {options.output}")
    console.print(
        f"predicted: {sizing.cycles:,} cycles per image, {100 * sizing.utilisation:.1f} % of the array's peak",
        highlight=False,
    )
    return options.output


def _source(argument: str) -> str | Path:
    """A Path where the argument is a model: ONNX and .tflite files by their suffix, saved models by their content."""
    path = Path(argument)
    return path if path.suffix in (".onnx", ".tflite", ".npz") or is_stored(path) else argument


def _machine_of(rtl: Path) -> Architecture:
    """The architecture of a build that this version wrote: another one may have other instructions."""
    architecture = existing_architecture(rtl, MachineFlags())
    try:
        version = json.loads((rtl / MARKER).read_text())["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--rtl {rtl} is no build: {MARKER} cannot be read ({error}); give a folder that `tcugen build` wrote"
        ) from None
    if version != __version__:
        raise UsageError(
            f"--rtl {rtl} was written by version {version}, but this is {__version__}, whose instructions may differ; "
            "build the machine again, or compile with that version"
        )
    return architecture


def _planned(
    model: QuantizedNetwork, architecture: Architecture, rtl: Path, progress: Callable[[str], None]
) -> Planned:
    """The plan of a network on the machine.

    Raises:
        CompileError: If the network runs on no machine, or with everything that this one lacks.
    """
    network, sums = model.network, int32_outputs(model)
    tasks = tasks_of(network, sums, bool(architecture.depthwise))
    # What is wrong with the widest accumulators is the model's fault, not the machine's.
    integers_of(model, tasks, replace(architecture, accumulator_bits=MAX_ACCUMULATOR_BITS))
    lacks: list[str] = []
    try:
        integers_of(model, tasks, architecture)
    except CompileError as error:
        lacks.append(str(error))
    try:
        plan_network(network, architecture, sums)
    except CompileError as error:
        least = smallest_kib(network, architecture, sums)
        memory = f"activation_kib is {architecture.activation_kib}, but the smallest with a plan is {least}"
        lacks.append(str(error) if least is None else memory)
    if lacks:
        raise CompileError(
            f"the machine in {rtl} cannot run {network.name}: {'; '.join(lacks)}; build a machine for it, or one for "
            "several networks with a --layer-config for each"
        )
    return best_plan(network, architecture, sums, progress)


def _as_it_is(model: QuantizedNetwork, planned: Planned) -> Sizing:
    """The machine with this network on it, where nothing was chosen."""
    network, architecture, sums = model.network, planned.plan.architecture, int32_outputs(model)
    whole = need_of(network, architecture, sums).whole_kib if planned.plan.spilled else None
    return Sizing(
        architecture=architecture,
        planned=planned,
        costs=node_costs(network, planned),
        reasons={name: f"{value}: that of the machine" for name, value in architecture.to_dict().items()},
        shapes={},
        runner_up=None,
        spilled=spilled_tensors(planned.plan, whole, sums),
    )
