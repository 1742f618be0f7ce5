"""What `make results` writes where."""

import re
from pathlib import Path

import pytest

from tcugen.network.bundled import NETWORK_NAMES
from tcugen.network.resnets import BUNDLED_NAMES
from tests.modules import module_at
from tests.typed import present

PATH = Path(__file__).parents[1] / "docs" / "results.py"
results = module_at(PATH)

FIGURES = {
    "cycles_per_image": [1000, 1200],
    "utilisation": 0.5,
    "mismatches": 1,
    "reference": {"elements": 7000, "mismatches": 2},
}


@pytest.mark.parametrize("name, block", results.BLOCKS.items(), ids=results.BLOCKS)
def test_every_block_has_its_place(name, block):
    text = block.page.read_text()
    written = results.replaced(text, name, ["a line", "another"])
    assert f"-->\n\na line\nanother\n\n<!-- /{name} -->" in written
    assert results.replaced(written, name, ["a line", "another"]) == written


def test_a_page_without_the_block_is_refused():
    with pytest.raises(ValueError, match="must have one block 'speed'"):
        results.replaced("# Results\n", "speed", [])


def test_a_network_is_one_line_with_all_that_differs(monkeypatch):
    monkeypatch.setattr(results, "figures_of", lambda command: FIGURES)
    lines = results.networks(["--layer-config resnet20"])
    assert lines[2:] == ["| `tcugen simulate --layer-config resnet20` | 1,000 / 1,200 | 50.0 % | 3 of 7,000 |"]


def shown(name):
    """Commands of the rows in a block."""
    text = results.BLOCKS[name].page.read_text()
    block = present(re.search(rf"<!-- {name}: .*?<!-- /{name} -->", text, re.DOTALL))[0]
    return [line.split("`")[1] for line in block.splitlines() if line.startswith("| `tcugen simulate")]


def test_the_pages_show_the_commands_that_are_run():
    assert shown("summary") == [f"tcugen simulate {command}" for command in results.SUMMARY]
    assert shown("networks") == [f"tcugen simulate {command}" for command in results.NETWORKS]
    wanted = [f"tcugen simulate {command}" for command in results.BUNDLED]
    assert shown("bundled") == [command for command in wanted if command in shown("bundled")]


def test_every_bundled_network_has_a_row():
    commands = " ".join((*results.NETWORKS, *results.BUNDLED)).split()
    assert set(NETWORK_NAMES) - set(BUNDLED_NAMES) <= set(commands)
