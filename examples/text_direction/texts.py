"""Lines of text as PP-OCR's classifier of text directions takes them, upright (class 0) or upside down (class 1)."""

import argparse
import string
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT, WIDTH = 48, 192
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono")
FOLDER = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
LETTERS = list(string.ascii_letters + string.digits)
POINTS = 36
MARGIN = 6


def line(rng: np.random.Generator) -> Image.Image:
    """A grey picture of 4 to 11 letters and digits, dark on light or light on dark, with noise; as wide as they are."""
    text = "".join(rng.choice(LETTERS, int(rng.integers(4, 12))))
    font = ImageFont.truetype(str(FOLDER / f"{rng.choice(FONTS)}.ttf"), POINTS)
    left, top, right, bottom = font.getbbox(text)
    paper, ink = int(rng.integers(120, 256)), int(rng.integers(0, 90))
    if rng.random() < 0.3:
        paper, ink = ink, paper
    image = Image.new("L", (round(right - left) + 2 * MARGIN, HEIGHT), paper)
    place = MARGIN - left, (HEIGHT - (bottom - top)) // 2 - top
    ImageDraw.Draw(image).text(place, text, fill=ink, font=font)
    noisy = np.asarray(image, np.float32) + rng.normal(0, 12, (HEIGHT, image.width))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def as_input(image: Image.Image) -> np.ndarray:
    """float32 [3, 48, 192] as PP-OCR makes it: -1 to 1, at most 192 columns, zeros to the right of shorter lines."""
    width = min(WIDTH, image.width)
    pixels = np.zeros((3, HEIGHT, WIDTH), np.float32)
    pixels[:, :, :width] = np.asarray(image.resize((width, HEIGHT)), np.float32) / 127.5 - 1
    return pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True, help="images, .npy")
    parser.add_argument("--labels", type=Path, help="their classes, .npy")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    images, labels = [], []
    for _ in range(arguments.count):
        image, label = line(rng), int(rng.integers(2))
        images.append(as_input(image.rotate(180 * label)))
        labels.append(label)
    np.save(arguments.output, np.stack(images))
    if arguments.labels:
        np.save(arguments.labels, np.array(labels))
    print(f"{len(images)} images, {sum(labels)} upside down: {arguments.output}")


if __name__ == "__main__":
    main()
