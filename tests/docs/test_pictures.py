"""The pictures of README and docs: each has a command that takes it, and a page that shows it."""

import re
import struct
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tcugen.page.render import write_page
from tests.modules import module_at
from tests.page.conftest import REFERENCE, content_of

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"!\[[^\]]+\]\((?:docs/)?pictures/([\w.-]+)\)")
pictures = module_at(ROOT / "docs" / "pictures.py")


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_every_picture_is_taken_by_the_command_and_shown():
    names = {picture.name for picture in pictures.PICTURES}
    assert {path.name for path in pictures.FOLDER.iterdir()} == names
    texts = [path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    assert {name for text in texts for name in SHOWN.findall(text)} == names


@pytest.mark.parametrize("picture", pictures.PICTURES, ids=lambda picture: picture.name)
def test_the_pictures_have_the_width_of_their_window(picture):
    width, height = size(pictures.FOLDER / picture.name)
    assert width == picture.width
    assert 150 < height < 3000


@pytest.mark.slow
def test_a_picture_begins_and_ends_with_what_it_names(browser: Browser, tmp_path):
    (tmp_path / "build").mkdir()
    write_page(tmp_path / "build", content_of(str(REFERENCE), array="4x4", activation_kib=16))
    heights = {}
    for last in (".tiles", ".origin", "#machine"):
        pictures.take(
            browser,
            pictures.Picture("p.png", "build/report.html", "dark", 800, "header", last),
            tmp_path,
            tmp_path,
        )
        width, heights[last] = size(tmp_path / "p.png")
        assert width == 800
    assert 150 < heights[".tiles"] < heights[".origin"] < heights["#machine"] < 2000
