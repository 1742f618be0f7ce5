"""`tcugen evaluate`: a model on many images by the emulator alone, and how often its largest output is right."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.commands.machine import MachineFlags, existing_architecture, sized
from tcugen.commands.output_folder import check_file
from tcugen.commands.progress_bar import emulation_reporter, progress_bar
from tcugen.commands.sources import load_model
from tcugen.compiler import compile_network


@dataclass(frozen=True)
class EvaluateOptions:
    """What to evaluate.

    Attributes:
        model: ONNX file or saved model.
        images: .npy file of float32 [n, C, H, W], exactly the model's input.
        labels: .npy file of n integers, the right classes; None prints the classes found alone.
        rtl: Folder of an earlier build whose architecture the program is for; None chooses one.
        logits: Where to write the outputs, [n, classes] as the machine stores them; None for nowhere.
        json_file: Where to write the figures; None for nowhere.
    """

    model: Path
    images: Path
    labels: Path | None = None
    rtl: Path | None = None
    logits: Path | None = None
    json_file: Path | None = None


def evaluate(options: EvaluateOptions, flags: MachineFlags, console: Console) -> dict:
    """Run every image on the emulator, print top-1 and images/s, and return the figures.

    Raises:
        ModelError, NetworkError, SizingError, CompileError, ArchitectureError, UsageError: Bad input.
    """
    from tcugen.quant.images import read_images
    from tcugen.verify.evaluate import emulate, read_labels, top1, write_outputs

    for path, flag in ((options.logits, "--logits"), (options.json_file, "--json")):
        if path:
            check_file(path, flag)
    model = load_model(options.model, console)
    network = model.network
    images = read_images(options.images, network.inputs[0][1])
    classes = network.shapes[network.nodes[-1].name].channels
    labels = None if options.labels is None else read_labels(options.labels, len(images), classes)
    architecture = existing_architecture(options.rtl, flags) if options.rtl else sized(network, flags).architecture
    console.print("compiling the program", highlight=False)
    program = compile_network(model, architecture)
    started = time.monotonic()
    with progress_bar(console) as bar:
        outputs = emulate(model, program, images, emulation_reporter(bar, len(images)))
    seconds = time.monotonic() - started
    found = top1(outputs)
    judged = found is not None and labels is not None
    figures = {
        "format": 1,
        "network": network.name,
        "model": str(options.model),
        "images": len(images),
        "architecture": architecture.to_dict(),
        "images_per_second": len(images) / seconds,
        "top1": found,
        "right": sum(a == b for a, b in zip(found, labels.tolist(), strict=True)) if judged else None,
    }
    _print(figures, architecture, console)
    if options.logits:
        write_outputs(options.logits, outputs)
    if options.json_file:
        options.json_file.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def _print(figures: dict, architecture: Architecture, console: Console) -> None:
    count = figures["images"]
    machine = f"{architecture.rows}x{architecture.columns}"
    console.print(
        f"{figures['network']} on {machine}: {count} images at {figures['images_per_second']:.2f} images/s",
        highlight=False,
        markup=False,
    )
    if figures["right"] is not None:
        right = figures["right"]
        console.print(f"top-1: {right} of {count} right, {100 * right / count:.1f} %", highlight=False)
    elif figures["top1"] is not None:
        console.print(f"largest outputs: {', '.join(map(str, figures['top1']))}", highlight=False)
