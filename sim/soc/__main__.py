"""A whole SoC in simulation: the C driver as firmware of a RISC-V processor runs the unit on a DRAM controller.

    python -m sim.soc BUILD --model X.npz --images X.npy [--count N] [--no-errors] [--no-models] [--json FILE]

Prints the serial console as it speaks, then judges it: every integer of every image equals the golden model's, and
every result that the driver knows was provoked. Then the unit's cycles with this DRAM beside the two memory models.
Exit status 1 if something is not right.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.soc.console import Told, read_console
from sim.soc.firmware import require_tools
from sim.soc.run import run_soc
from sim.soc.simulator import SocError
from tcugen import golden
from tcugen.driver.errors import results
from tcugen.memory_model import MEMORY_MODELS
from tcugen.model.images import quantise_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.store import load
from tcugen.program import Program
from tcugen.simulator.environment import EnvironmentProblem
from tcugen.simulator.run import simulate

DRAM = "LiteDRAM, DDR3-800 x16"
BAD_INPUT = 2


def judge(told: Told, want: NDArray[Any], errors: bool) -> list[str]:
    """What is not as it must be, a line each.

    Args:
        told: What the console said.
        want: [N, elements] integers of the golden model.
        errors: Errors were to be provoked.
    """
    wrong = [*told.unexpected]
    if len(told.images) != len(want):
        wrong.append(f"{len(told.images)} images were classified instead of {len(want)}")
    for number, (image, integers) in enumerate(zip(told.images, want, strict=False)):
        if list(image.integers) != integers.tolist():
            wrong.append(f"image {number}: integers {image.integers} instead of {integers.tolist()}")
    if errors:
        provoked = set(told.errors)
        wrong += [f"{name} was not provoked" for name, (value, _) in results().items() if value not in provoked | {0}]
    if not told.done:
        wrong.append("the firmware did not say that all is done")
    return wrong


def quantised_input(model: QuantizedNetwork, images: NDArray[np.float32]) -> tuple[str, NDArray[np.int8]]:
    """Name of the network's first input, and the images as it takes them."""
    name = model.network.inputs[0][0]
    return name, quantise_images(images, model.quantization(name))


def golden_integers(model: QuantizedNetwork, images: NDArray[np.float32]) -> NDArray[Any]:
    """[N, elements] of the network's first output."""
    name, quantised = quantised_input(model, images)
    outputs = golden.run(model, {name: quantised})
    return outputs[model.network.outputs[0]].reshape(len(images), -1)


def cycles_of_models(build: Path, model: QuantizedNetwork, images: NDArray[np.float32]) -> dict[str, list[int]]:
    """Cycles of every image by memory model, on the same Verilog and program."""
    program = Program.read(build / "program")
    name, quantised = quantised_input(model, images)
    inputs = [{name: image} for image in quantised]
    return {
        memory: [run.cycles for run in simulate(program, build, inputs, memory, trace=False).images]
        for memory in MEMORY_MODELS
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sim.soc", description=str(__doc__).split("\n")[0])
    parser.add_argument("build", type=Path, metavar="BUILD", help="folder of `tcugen build --model X.npz --classes F`")
    parser.add_argument("--model", type=Path, required=True, metavar="X.npz", help="the model of the build")
    parser.add_argument("--images", type=Path, required=True, metavar="X.npy", help="float32 images [N, C, H, W]")
    parser.add_argument("--count", type=int, default=2, metavar="N", help="images that are classified (2)")
    parser.add_argument("--no-errors", action="store_true", help="provoke no errors")
    parser.add_argument("--no-models", action="store_true", help="do not run the memory models")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures into a file")
    return parser.parse_args()


def main() -> int:
    """Run, judge and report; the exit status."""
    flags = _arguments()
    if not (flags.build / "driver" / "tcu.c").exists():
        return _refused(f"{flags.build} holds no driver/tcu.c; name a folder of `tcugen build`")
    try:
        require_tools()
        model = load(flags.model)
        images = np.load(flags.images)
        if images.dtype != np.float32 or not 1 <= flags.count <= len(images):
            return _refused(f"{flags.images} must hold at least {max(1, flags.count)} float32 images; set --count")
        images = images[: flags.count]
        run = run_soc(flags.build, images, not flags.no_errors, lambda line: print(f"| {line}", flush=True))
        told, want = read_console(run.console), golden_integers(model, images)
        wrong = judge(told, want, not flags.no_errors)
        cycles = {DRAM: [image.counters["cycles"] for image in told.images]}
        cycles |= {} if flags.no_models else cycles_of_models(flags.build, model, images)
    except (EnvironmentProblem, SocError, OSError, ValueError) as problem:
        return _refused(str(problem))
    for line in wrong:
        print(f"wrong: {line}")
    same = sum(image.integers == tuple(integers) for image, integers in zip(told.images, want.tolist(), strict=False))
    print(f"{same} of {len(want)} images equal the golden model, {len(told.errors)} errors provoked")
    print(f"{run.cycles:,} cycles of the SoC; of the unit, per image:")
    for memory, values in cycles.items():
        print(f"  {memory:24}" + "".join(f"{value:12,}" for value in values))
    if flags.json:
        figures = {
            "equal": same,
            "images": [{"class": image.best, "name": image.name, **image.counters} for image in told.images],
            "errors": list(told.errors),
            "wrong": wrong,
            "soc_cycles": run.cycles,
            "cycles": cycles,
        }
        flags.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if wrong else 0


def _refused(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
