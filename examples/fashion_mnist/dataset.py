"""Fashion-MNIST as the network takes it: pixels / 255, one channel.

Run as a program, it writes images and labels of one half of the data set to `.npy` files.
"""

import argparse
import gzip
import struct
from pathlib import Path

import numpy as np

FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts it."""

SPLITS = {"train": "train", "test": "t10k"}
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array in a gzipped IDX file.

    Raises:
        SystemExit: If it is not there or is something else.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except OSError as error:
        raise SystemExit(f"error: {path}: {error.strerror or error}; apt-get install dataset-fashion-mnist") from None
    kind, dimensions = data[2], data[3]
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    start = 4 + 4 * dimensions
    if data[:2] != b"\0\0" or kind != 8 or len(data) - start != np.prod(shape):
        raise SystemExit(f"error: {path}: is no IDX file of bytes; install dataset-fashion-mnist again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def pixels(split: str, folder: Path = FOLDER) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [n, 1, 28, 28] pixels and uint8 [n] labels of "train" (60,000) or "test" (10,000)."""
    images = read_idx(folder / f"{SPLITS[split]}-images-idx3-ubyte.gz")
    return images[:, None], read_idx(folder / f"{SPLITS[split]}-labels-idx1-ubyte.gz")


def prepared(images: np.ndarray) -> np.ndarray:
    """The network's float32 input. Its int8 form holds every pixel exactly: scale 1 / 255, zero point -128."""
    return images.astype(np.float32) / np.float32(255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", choices=SPLITS)
    parser.add_argument("-o", "--output", type=Path, required=True, help="images, float32 (n, 1, 28, 28)")
    parser.add_argument("--labels", type=Path, help="labels, int64 (n,)")
    parser.add_argument("--count", type=int, help="the first COUNT images; all if left out")
    parser.add_argument("--data", type=Path, default=FOLDER, help=f"folder of the data set ({FOLDER})")
    arguments = parser.parse_args()
    images, labels = pixels(arguments.split, arguments.data)
    np.save(arguments.output, prepared(images[: arguments.count]))
    if arguments.labels:
        np.save(arguments.labels, labels[: arguments.count].astype(np.int64))


if __name__ == "__main__":
    main()
