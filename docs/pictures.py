"""Makes the pictures of README and docs: run by `make pictures`.

Builds and runs what they show with the commands that a user would type, opens the pages in Chromium and takes pictures
of parts of them. A change of the hardware, or of a page, changes them; nothing else does.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
EXAMPLE = {
    "model": "examples/fashion_mnist/resnet20_int8.npz",
    "images": "examples/fashion_mnist/images.npy",
}
MARGIN = 10
"""Pixels around what is shown."""

COMMANDS = (
    "build --layer-config resnet50 -o {folder}/build",
    "simulate --layer-config examples/reference.json --rtl rtl_out/reference --animate {folder}/array.html",
    "simulate --model {model} --images {images} --array 8x8 --report {folder}/run",
)
"""Of tcugen, in the repository; {folder} is where the pages go, {model} and {images} are those of EXAMPLE."""


@dataclass(frozen=True)
class Picture:
    """A part of a page.

    Attributes:
        name: Of the file in docs/pictures.
        page: In the folder of the commands.
        theme: The browser's.
        width: Of its window, in pixels.
        first, last: Selectors of the elements that the picture begins above and ends below.
        moment: What gives the place of the slider of an animation, in JavaScript; None for a page that has none.
    """

    name: str
    page: str
    theme: Literal["light", "dark"]
    width: int
    first: str
    last: str
    moment: str | None = None


PICTURES = (
    Picture("page-light.png", "build/report.html", "light", 1240, "header", "#machine svg"),
    Picture("page-dark.png", "build/report.html", "dark", 1240, "#cycles", "#memory"),
    Picture("run.png", "run/report.html", "light", 1240, "header", ".origin"),
    Picture(
        "array.png",
        "array.html",
        "dark",
        1000,
        "header",
        "section:has(#array)",
        # The second swap is half way down: sums of the tile before are still below it.
        moment="content.cycles.flatMap((cycle, at) => cycle.swaps[2] ? [at] : [])[1]",
    ),
)


def make_pages(folder: Path) -> None:
    """Run COMMANDS.

    Raises:
        CalledProcessError: If one fails; it has said why.
    """
    for command in COMMANDS:
        words = [word.format(folder=folder, **EXAMPLE) for word in command.split()]
        subprocess.run([sys.executable, "-m", "tcugen", *words], cwd=ROOT, check=True)


def take(browser: Browser, picture: Picture, folder: Path, target: Path) -> None:
    """Write one picture of a page of `folder` into `target`."""
    context = browser.new_context(
        offline=True, color_scheme=picture.theme, viewport={"width": picture.width, "height": 900}
    )
    page = context.new_page()
    page.goto((folder / picture.page).as_uri())
    if picture.moment is not None:
        slider = page.locator("#at")
        slider.fill(str(page.evaluate(picture.moment)))
        slider.blur()
    page.screenshot(path=target / picture.name, clip=_part(page, picture), full_page=True)
    context.close()


def _part(page: Page, picture: Picture) -> FloatRect:
    """All of the window's width, from the one element to the other."""
    boxes = [page.locator(selector).bounding_box() for selector in (picture.first, picture.last)]
    top, bottom = boxes
    assert top and bottom, f"{picture.page} shows no {picture.first} or no {picture.last}"
    y = max(top["y"] - MARGIN, 0)
    return {"x": 0, "y": y, "width": picture.width, "height": bottom["y"] + bottom["height"] + MARGIN - y}


def main() -> None:
    """Make all pictures anew."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        sys.exit("error: no chromium found; install it for the pictures (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory(prefix="tcugen-pictures-") as name:
        make_pages(Path(name))
        with sync_playwright() as playwright:
            # Root, as which containers run, needs it without its sandbox; nothing but our own pages is opened.
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            for picture in PICTURES:
                take(browser, picture, Path(name), FOLDER)
                print(f"written: {(FOLDER / picture.name).relative_to(ROOT)}")
            browser.close()


if __name__ == "__main__":
    main()
