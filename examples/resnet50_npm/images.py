"""Photographs as ResNet-50's input: float32 (n, 3, 224, 224), red, green, blue, less the means of ImageNet."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image  # pyright: ignore[reportMissingImports]: only this example needs Pillow, see its README

MEANS = (123.68, 116.779, 103.939)
SIDE = 224
SHORTER_SIDE = 256
SUFFIXES = (".jpg", ".jpeg", ".png")


def crops(path: Path, corners: bool) -> list[np.ndarray]:
    """The middle 224x224 of a photograph whose shorter side is scaled to 256 pixels; with `corners` those too."""
    image = Image.open(path).convert("RGB")
    scale = SHORTER_SIDE / min(image.size)
    width, height = (max(SIDE, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    right, bottom = width - SIDE, height - SIDE
    places = [(right // 2, bottom // 2)]
    if corners:
        places += [(0, 0), (right, 0), (0, bottom), (right, bottom)]
    boxes = [image.crop((left, top, left + SIDE, top + SIDE)) for left, top in places]
    return [(np.asarray(box, np.float32) - np.array(MEANS, np.float32)).transpose(2, 0, 1) for box in boxes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, nargs="+", help="photographs, or folders of them")
    parser.add_argument("-o", "--output", type=Path, required=True, help="images, .npy")
    parser.add_argument("--corners", action="store_true", help="five crops of each, for calibration on few of them")
    arguments = parser.parse_args()
    paths = []
    for source in arguments.sources:
        found = sorted(source.iterdir()) if source.is_dir() else [source]
        paths += [path for path in found if not source.is_dir() or path.suffix.lower() in SUFFIXES]
    if not paths:
        raise SystemExit(f"error: no photographs ({', '.join(SUFFIXES)}) in {', '.join(map(str, arguments.sources))}")
    images = np.stack([crop for path in paths for crop in crops(path, arguments.corners)])
    np.save(arguments.output, images)
    print(f"{len(images)} images: {arguments.output}")


if __name__ == "__main__":
    main()
