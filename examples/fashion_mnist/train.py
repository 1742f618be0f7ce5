"""Trains ResNet-20 on Fashion-MNIST on one CPU core and writes its float weights."""

import argparse
import math
import time
from pathlib import Path

import torch
from dataset import FOLDER, pixels
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from tcugen.quantize.resnet_torch import torch_resnet

BATCH = 128
PEAK_RATE = 0.15
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
LABEL_SMOOTHING = 0.05
SHIFT = 2
"""Pixels by which training images move at most, each way."""


def augmented(images: torch.Tensor) -> torch.Tensor:
    """uint8 [n, 1, H, W] as float32 / 255, each mirrored with probability 1/2; all of them shifted alike."""
    mirrored = torch.rand(len(images)) < 0.5
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    top, left = torch.randint(0, 2 * SHIFT + 1, (2,)).tolist()
    height, width = images.shape[2:]
    padded = functional.pad(images, (SHIFT, SHIFT, SHIFT, SHIFT))
    return padded[:, :, top : top + height, left : left + width].float() / 255


def learning_rate(progress: float) -> float:
    """Up to the peak in the first fifth of the training, then down to 0 along a half cosine."""
    if progress < 0.2:
        return PEAK_RATE * (0.1 + 0.9 * progress / 0.2)
    return PEAK_RATE * (1 + math.cos(math.pi * (progress - 0.2) / 0.8)) / 2


def train(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, epochs: int) -> None:
    """Stochastic gradient descent; convolutions in bfloat16."""
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others}]
    optimiser = torch.optim.SGD(groups, lr=PEAK_RATE, momentum=MOMENTUM, nesterov=True)
    steps = len(images) // BATCH
    started = time.process_time()
    for epoch in range(epochs):
        order, total = torch.randperm(len(images)), 0.0
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate((epoch * steps + step) / (epochs * steps))
            chosen = order[step * BATCH : (step + 1) * BATCH]
            batch = augmented(images[chosen]).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                scores = model(batch)
            loss = functional.cross_entropy(scores.float(), labels[chosen], label_smoothing=LABEL_SMOOTHING)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / steps:.4f}, {time.process_time() - started:.0f} s CPU", flush=True)


@torch.inference_mode()
def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of images whose largest score is their label's, in float32."""
    model.eval()
    right = sum(
        int((model(part.float() / 255).argmax(1) == wanted).sum())
        for part, wanted in zip(images.split(500), labels.split(500), strict=True)
    )
    return right / len(images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights, .safetensors")
    parser.add_argument("--data", type=Path, default=FOLDER, help=f"folder of the data set ({FOLDER})")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    model = torch_resnet("resnet20", image_channels=1)
    # PyTorch's types know this argument for tensors only.
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    images, labels = (torch.tensor(array) for array in pixels("train", arguments.data))
    train(model, images, labels.long(), arguments.epochs)
    images, labels = (torch.tensor(array) for array in pixels("test", arguments.data))
    print(f"test accuracy {100 * accuracy(model, images, labels.long()):.2f} %")
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, arguments.output)


if __name__ == "__main__":
    main()
