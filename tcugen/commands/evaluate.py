"""`tcugen evaluate`: a model on many images by the emulator alone, and how often its largest output is right."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress as ProgressBar

from tcugen.arch import Architecture
from tcugen.commands.figures import top1
from tcugen.commands.machine import MachineFlags, existing_architecture, sized
from tcugen.commands.output_folder import check_file
from tcugen.commands.progress_bar import Lines, progress_bar
from tcugen.commands.sources import load_model
from tcugen.compiler import compile_network
from tcugen.network.graph import Network
from tcugen.program import Program
from tcugen.quant.errors import ModelError


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
    from tcugen.quant.images import image_quantization, quantise_images, read_images

    for path, flag in ((options.logits, "--logits"), (options.json_file, "--json")):
        if path:
            check_file(path, flag)
    model = load_model(options.model, console)
    network = model.network
    images = read_images(options.images, network.inputs[0][1])
    labels = None if options.labels is None else read_labels(options.labels, len(images), network)
    architecture = existing_architecture(options.rtl, flags) if options.rtl else sized(network, flags).architecture
    console.print("compiling the program", highlight=False)
    program = compile_network(model, architecture)
    started = time.monotonic()
    with progress_bar(console) as bar:
        outputs = _emulate(
            program, (quantise_images(image[None], image_quantization(model))[0] for image in images), len(images), bar
        )
    seconds = time.monotonic() - started
    found = top1(outputs)
    figures = {
        "format": 1,
        "network": network.name,
        "model": str(options.model),
        "images": len(images),
        "architecture": architecture.to_dict(),
        "images_per_second": len(images) / seconds,
        "top1": found,
        "right": None if labels is None or found is None else int((np.array(found) == labels).sum()),
    }
    _print(figures, architecture, console)
    if options.logits:
        np.save(options.logits, outputs.reshape(len(outputs), -1))
    if options.json_file:
        options.json_file.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def read_labels(path: Path, count: int, network: Network) -> np.ndarray:
    """The right classes of `count` images, [count] integers.

    Raises:
        ModelError: If the file cannot be read, has another number of labels or one that is no class.
    """
    try:
        labels = np.load(path, allow_pickle=False)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error}); give a .npy file of labels") from None
    except (ValueError, EOFError) as error:
        raise ModelError(f"{path}: is damaged or no .npy file ({error}); write it with numpy.save") from None
    if not isinstance(labels, np.ndarray) or labels.shape != (count,) or labels.dtype.kind not in "iu":
        found = f"{labels.dtype} {labels.shape}" if isinstance(labels, np.ndarray) else "an archive"
        raise ModelError(f"{path}: holds {found}, but must hold {count} integers, one per image; correct the labels")
    classes = network.shapes[network.nodes[-1].name].channels
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise ModelError(f"{path}: holds label {wrong[0]}, but the network has classes 0 to {classes - 1}; correct it")
    return labels


def _emulate(program: Program, images, count: int, bar: ProgressBar) -> np.ndarray:
    from tcugen.emulator import Machine

    machine, outputs = Machine(program), []
    task, lines, started = bar.add_task("emulating", total=count, speed=""), Lines(bar.console), time.monotonic()
    for number, image in enumerate(images, 1):
        results = machine.run({program.inputs[0].tensor: image})
        outputs.append(results[program.outputs[0].tensor])
        rate = number / (time.monotonic() - started)
        if bar.disable:
            lines.maybe(f"image {number}/{count}: {rate:.2f} images/s, {(count - number) / rate:.0f} s left")
        bar.update(task, completed=number, speed=f"{rate:.2f} images/s")
    return np.stack(outputs)


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
