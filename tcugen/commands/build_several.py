"""`tcugen build` for several networks: one machine sized for all of them, a program for each."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen import __version__
from tcugen.arch import Architecture
from tcugen.commands.build import (
    default_folder,
    identity,
    page_of,
    parameter_table,
    remarks,
    with_weights,
    write_network,
)
from tcugen.commands.certificates import write_certificate
from tcugen.compiler import compile_network, int32_outputs
from tcugen.console.build_record import asked
from tcugen.console.machine import MachineFlags, sized_for
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import GENERATOR, MARKER, PROGRAM_MARKER, check_replaceable, replacing
from tcugen.console.parity_price import parity_price
from tcugen.driver.quantization import quantization_of
from tcugen.model.quantized import QuantizedNetwork
from tcugen.page.render import write_page
from tcugen.report.several_report import NetworkRow, SeveralReport, network_lines, several_markdown
from tcugen.sizing.search import Sizing
from tcugen.sizing.workload import Workload

PROGRAMS = "networks"
"""Folder of a build that holds one folder per network, each as `tcugen compile` writes it."""


@dataclass(frozen=True)
class SeveralOptions:
    """Arguments of `tcugen build` with several networks.

    Attributes:
        layer_configs: Layer-config files or bundled names, at least two.
        output: Folder to build into; None for `rtl_out/NAME+NAME`.
        certify: Prove that the programs compute their networks.
    """

    layer_configs: tuple[str, ...]
    output: Path | None = None
    certify: bool = True


def build_several(options: SeveralOptions, flags: MachineFlags, console: Console) -> Path:
    """Build and return the folder.

    It then holds the Verilog, `architecture.json`, `report.json`, `report.md`, `build.json`, and in `networks/NAME`
    for every network what `tcugen compile` would write there.

    Raises:
        NetworkError, SizingError, CompileError, ArchitectureError, UsageError: And nothing is written.
    """
    from tcugen.rtl.emit import emit

    started = time.monotonic()

    def step(text: str) -> None:
        console.print(f"[{time.monotonic() - started:5.1f} s] {text}", markup=False, highlight=False)

    models = [with_weights(source, console) for source in options.layer_configs]
    _check_names(models)
    folder = options.output or Path("rtl_out") / "+".join(model.network.name for model in models)
    check_replaceable(folder, options.layer_configs)
    for model in models:
        step(f"network {model.network.name}: {len(model.network.nodes)} nodes, {model.network.mac_count:,} MACs")
    sizings = sized_for([Workload(model.network, int32_outputs(model)) for model in models], flags, step)
    architecture = sizings[0].architecture
    console.print(parameter_table(sizings[0]))
    for line in parity_price(architecture):
        console.print(line, highlight=False, markup=False)
    for model, sizing in zip(models, sizings, strict=True):
        for line in remarks(sizing):
            console.print(f"{model.network.name}: {line}", highlight=False, markup=False)
    step("compiling the programs")
    programs = [
        compile_network(model, architecture, planned=sizing.planned)
        for model, sizing in zip(models, sizings, strict=True)
    ]
    report = describe_several(models, sizings)
    with replacing(folder) as staging:
        step("writing Verilog")
        emit(architecture, staging)
        for model, sizing, program in zip(models, sizings, programs, strict=True):
            place = staging / PROGRAMS / model.network.name
            place.mkdir(parents=True)
            write_network(place, model.network, program, sizing, quantization_of(model, placeholder=True))
            if options.certify:
                write_certificate(place / "program", model, architecture, step)
            write_page(place, page_of(model.network, sizing, None))
            (place / "architecture.json").write_text(architecture.to_json())
            marker = identity(model.network, architecture, None) | {"machine": "../.."}
            (place / PROGRAM_MARKER).write_text(json.dumps(marker, indent=1) + "\n")
        (staging / "report.json").write_text(json.dumps(report, indent=1) + "\n")
        (staging / "report.md").write_text(several_markdown(report))
        marker = _marker(models, architecture) | asked(flags, certify=options.certify)
        (staging / MARKER).write_text(json.dumps(marker, indent=1) + "\n")
    step(f"written to {folder}")
    for line in network_lines(report["networks"]):
        console.print(line, highlight=False, markup=False)
    return folder


def describe_several(models: Sequence[QuantizedNetwork], sizings: Sequence[Sizing]) -> SeveralReport:
    """The report: what was chosen, why, and what to expect of every network."""
    return {
        "format": 1,
        "architecture": sizings[0].architecture.to_dict(),
        "reasons": sizings[0].reasons,
        "predicted_cycles": sum(sizing.cycles for sizing in sizings),
        "runner_up": sizings[0].runner_up,
        "networks": [_row(model, sizing) for model, sizing in zip(models, sizings, strict=True)],
    }


def _row(model: QuantizedNetwork, sizing: Sizing) -> NetworkRow:
    prediction = sizing.planned.prediction
    return {
        "network": model.network.name,
        "mac_count": model.network.mac_count,
        "predicted_cycles": sizing.cycles,
        "predicted_utilisation": sizing.utilisation,
        "predicted_bytes_read": prediction.bytes_read,
        "predicted_bytes_written": prediction.bytes_written,
        "spilled_bytes": sum(spilled.bytes for spilled in sizing.spilled),
    }


def _check_names(models: Sequence[QuantizedNetwork]) -> None:
    names = [model.network.name for model in models]
    for index, model in enumerate(models):
        default_folder(model.network)  # raises if the name is no folder's
        if names[index] in names[:index]:
            raise UsageError(
                f"--layer-config: two networks are called {names[index]!r}, but each gets a folder of its name; "
                "rename one of them"
            )


def _marker(models: Sequence[QuantizedNetwork], architecture: Architecture) -> dict[str, object]:
    identities = [identity(model.network, architecture, None) for model in models]
    return {
        "generator": GENERATOR,
        "version": __version__,
        "networks": [{key: found[key] for key in ("network", "layer_config_sha256")} for found in identities],
        "architecture_sha256": identities[0]["architecture_sha256"],
    }
