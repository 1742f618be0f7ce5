"""Accuracy of ResNet-20 on the 10,000 test images of Fashion-MNIST: int8 by the emulator, float by PyTorch."""

import argparse
import time
from pathlib import Path

import numpy as np
from dataset import CLASSES, FOLDER, pixels, prepared

from tcugen.compiler import compile_network
from tcugen.console.machine import MachineFlags, sized
from tcugen.evaluate.emulate import emulate, top1
from tcugen.model.store import load

MODEL = Path(__file__).with_name("resnet20_int8.npz")


def float_classes(weights: Path, images: np.ndarray) -> np.ndarray:
    """Classes by the float network, [n]."""
    import torch

    from tcugen.quantize.resnet_torch import torch_resnet
    from tcugen.quantize.weights import load_weights, read_weights

    module = torch_resnet("resnet20", image_channels=1)
    load_weights(module, read_weights(weights), weights)
    with torch.inference_mode():
        parts = [module.eval()(part).argmax(1) for part in torch.from_numpy(images).split(500)]
    return torch.cat(parts).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="saved model")
    parser.add_argument("--weights", type=Path, help="float weights that it was quantized from, .safetensors")
    parser.add_argument("--data", type=Path, default=FOLDER, help=f"folder of the data set ({FOLDER})")
    parser.add_argument("--array", default="16x16", help="array of the emulated machine (16x16)")
    parser.add_argument("--count", type=int, help="the first COUNT test images; all if left out")
    arguments = parser.parse_args()
    images, labels = (array[: arguments.count] for array in pixels("test", arguments.data))
    images = prepared(images)
    if arguments.weights:
        found = float_classes(arguments.weights, images)
        print(f"float: {(found == labels).sum()} of {len(labels)} right, {100 * (found == labels).mean():.2f} %")
    model = load(arguments.model)
    program = compile_network(model, sized(model.network, MachineFlags(array=arguments.array)).architecture)
    started = time.monotonic()

    def progress(done: int) -> None:
        if done % 500 == 0:
            print(f"{done} images, {done / (time.monotonic() - started):.1f} images/s", flush=True)

    found = np.array(top1(model, emulate(model, program, images, progress)))
    print(f"int8, emulator: {(found == labels).sum()} of {len(labels)} right, {100 * (found == labels).mean():.2f} %")
    for number, name in enumerate(CLASSES):
        own = labels == number
        print(f"  {name}: {(found[own] == number).sum()} of {own.sum()}")


if __name__ == "__main__":
    main()
