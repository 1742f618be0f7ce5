"""`tcugen import`: a quantized model of another tool, as tcugen's own files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tcugen.commands.layers import layer_table
from tcugen.console.output_folder import GENERATOR, IMPORT_MARKER, check_replaceable, replacing
from tcugen.network.layer_config import write_layer_config

if TYPE_CHECKING:
    from tcugen.onnx.importer.onnx_model import ImportedModel


def import_model(path: Path, output: Path | None, console: Console) -> Path:
    """Import the ONNX or .tflite model at `path` into the folder `output` (default: the file's name without ending).

    The folder then holds `layer-config.json`, `model.npz` (the integers, for every command's `--model`),
    `reference.onnx` (what the hardware computes, for ONNX Runtime) and `import.json` (what was changed), its marker.

    Raises:
        ModelError: If the model cannot be read or run.
        UsageError: If the folder cannot be written. Nothing is written in either case.
    """
    from tcugen.tflite.any_file import import_file

    imported = import_file(path)
    network = imported.model.network
    folder = output or Path(network.name)
    check_replaceable(folder, (path,))
    for line in imported.report.lines():
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(layer_table(network))
    with replacing(folder) as staging:
        write_imported(imported, staging)
    console.print(
        f"{network.name}: {len(network.nodes)} nodes, {network.mac_count:,} MACs; written to {folder}",
        highlight=False,
        markup=False,
    )
    return folder


def write_imported(imported: "ImportedModel", folder: Path) -> None:
    """Write the files of an imported model into a folder that is there."""
    from tcugen.model.store import save
    from tcugen.onnx.reference import write_reference

    (folder / "layer-config.json").write_text(write_layer_config(imported.model.network))
    save(imported.model, folder / "model.npz")
    write_reference(imported.model, folder / "reference.onnx")
    report: dict[str, object] = {"generator": GENERATOR, **imported.report.to_dict()}
    (folder / IMPORT_MARKER).write_text(json.dumps(report, indent=1) + "\n")
