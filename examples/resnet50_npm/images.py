"""Photographs as ResNet-50's input: float32 (n, 3, 224, 224), red, green, blue, less the means of ImageNet."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

MEANS = (123.68, 116.779, 103.939)
SIDE = 224
SHORTER_SIDE = 256
SUFFIXES = (".jpg", ".jpeg", ".png")


def prepared(path: Path) -> np.ndarray:
    """One photograph, its shorter side scaled to 256 pixels, the middle 224x224 of it."""
    image = Image.open(path).convert("RGB")
    scale = SHORTER_SIDE / min(image.size)
    width, height = (max(SIDE, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    pixels = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), np.float32)
    return (pixels - np.float32(MEANS)).transpose(2, 0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, nargs="+", help="photographs, or folders of them")
    parser.add_argument("-o", "--output", type=Path, required=True, help="images, .npy")
    arguments = parser.parse_args()
    paths = []
    for source in arguments.sources:
        found = sorted(source.iterdir()) if source.is_dir() else [source]
        paths += [path for path in found if not source.is_dir() or path.suffix.lower() in SUFFIXES]
    if not paths:
        raise SystemExit(f"error: no photographs ({', '.join(SUFFIXES)}) in {', '.join(map(str, arguments.sources))}")
    np.save(arguments.output, np.stack([prepared(path) for path in paths]))
    print(f"{len(paths)} images: {arguments.output}")


if __name__ == "__main__":
    main()
