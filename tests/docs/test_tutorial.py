"""docs/tutorial.md and docs/board.md followed word for word: every file is written and every command run, in order."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tcugen.model.store import load

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SAVED = re.compile(r"Save this as `([\w.]+)`")


def steps(page: str) -> list[tuple[str, str]]:
    """What a reader does, in order: ("stripes.py", its text) for a file, ("", commands) for the shell."""
    text = (ROOT / "docs" / page).read_text()
    found, end = [], 0
    for block in BLOCK.finditer(text):
        language, content = block.groups()
        assert language in ("python", "sh"), f"{page}: a block of {language or 'no language'} would not be tried"
        names = SAVED.findall(text[end : block.start()])
        assert len(names) == (language == "python"), f"{page}: which file is it? {content[:60]}"
        found.append((*names, content) if names else ("", content))
        end = block.end()
    return found


@pytest.fixture(scope="module")
def followed(tmp_path_factory, pytestconfig) -> tuple[Path, dict[str, str]]:
    """The folder of one who has followed both pages, and what each command printed."""
    folder = tmp_path_factory.mktemp("reader")
    environment = os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        # The package of this clone, wherever the environment has it from.
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(pytestconfig.cache.mkdir("tcugen-commands")),
        "NO_COLOR": "1",
    }
    printed: dict[str, str] = {}
    for name, content in steps("tutorial.md") + steps("board.md"):
        if name:
            (folder / name).write_text(content)
            continue
        for line in content.splitlines():
            done = subprocess.run(
                ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            printed[line] = done.stdout
    return folder, printed


def of(printed: dict[str, str], start: str) -> str:
    """What the one command that starts so printed."""
    [line] = [line for line in printed if line.startswith(start)]
    return printed[line]


@pytest.mark.slow
def test_the_network_learns_and_stays_right_as_integers(followed):
    folder, printed = followed
    figures = json.loads((folder / "quantized" / "quantize.json").read_text())["test"]
    assert figures["images"] == 200
    assert min(figures["float_right"], figures["int8_right"]) > 180
    assert f"top-1: {figures['int8_right']} of 200 right" in of(printed, "tcugen evaluate")


@pytest.mark.slow
def test_the_onnx_file_is_the_same_network(followed):
    folder, _ = followed
    ours, imported = (load(folder / name / "model.npz") for name in ("quantized", "imported"))
    assert [node.op for node in imported.network.nodes] == [node.op for node in ours.network.nodes]
    assert imported.network.mac_count == ours.network.mac_count


@pytest.mark.slow
def test_no_element_differs_and_the_pages_are_there(followed):
    folder, printed = followed
    assert "mismatches = 0: golden, emulator and RTL agree in every element" in of(printed, "tcugen simulate")
    assert (folder / "machine" / "report.html").is_file() and (folder / "run" / "report.html").is_file()
    page = json.loads((folder / "run" / "report" / "page.json").read_text())
    assert page["mismatches"] == 0 and page["images"] == 2


@pytest.mark.slow
def test_the_driver_names_the_classes_and_counts_the_cycles(followed):
    folder, printed = followed
    classes = (folder / "classes.txt").read_text().split()
    simulated = json.loads((folder / "run" / "report" / "page.json").read_text())["simulated_cycles"]
    lines = [line.split() for line in of(printed, "python classify.py").splitlines()]
    assert len(lines) == 2
    assert all(name in classes and int(cycles) > 0 for name, cycles in lines)
    assert abs(int(lines[-1][1]) - simulated) < simulated / 50


@pytest.mark.slow
def test_the_build_is_written_again(followed):
    _, printed = followed
    assert "every byte identical" in of(printed, "tcugen rebuild")


@pytest.mark.slow
def test_every_export_is_there(followed):
    folder, printed = followed
    for name in of(printed, "cat exported/tcu.f").split():
        assert (folder / "exported" / name).is_file()
    assert "block_design.tcl" in of(printed, "ls vivado")
    assert "tcu_litex.py" in of(printed, "ls litex")
    assert list((folder / "exported" / "constraints").iterdir())
    assert (folder / "testbench" / "Makefile").is_file()
