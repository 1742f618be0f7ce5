"""A command that replaces a folder keeps out of the one that holds what it reads."""

import re
import shutil
from pathlib import Path

import pytest

from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import QUANTIZE_MARKER, check_replaceable

NETWORK, CLASSES = "ours/net.json", "ours/classes.txt"


@pytest.fixture
def place(tmp_path, reference_config, reference_build) -> Path:
    """A folder that may be replaced and holds a network, and a build."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / QUANTIZE_MARKER).write_text('{"generator": "tcugen"}\n')
    for name in ("net.json", "second.json"):
        shutil.copy(reference_config, tmp_path / "ours" / name)
    (tmp_path / "ours" / "classes.txt").write_text("".join(f"{number}\n" for number in range(10)))
    shutil.copytree(reference_build, tmp_path / "built")
    return tmp_path


def tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


REPLACING = {
    "build": (("build", "--layer-config", NETWORK, "-o", "ours"), NETWORK),
    "build, by another way": (("build", "--layer-config", NETWORK, "-o", "built/../ours"), NETWORK),
    "build with classes": (("build", "--layer-config", "resnet20", "--classes", CLASSES, "-o", "ours"), CLASSES),
    "compile": (("compile", NETWORK, "--rtl", "built", "-o", "ours"), NETWORK),
    "export": (("export", "built", "-o", "built", "--format", "litex"), "built/build.json"),
    "export above": (("export", "ours/in", "-o", "ours", "--format", "litex"), "ours/in/build.json"),
}  # fmt: skip


@pytest.mark.parametrize("arguments, read", REPLACING.values(), ids=REPLACING)
def test_a_folder_that_holds_what_is_read_is_not_replaced(tcugen, place, arguments, read):
    shutil.copytree(place / "built", place / "ours" / "in")
    before = tree(place)
    result = tcugen(*arguments)
    assert result.exit_code == 2, result.output
    assert re.fullmatch(
        f"error: {read} is in [./a-z]+, and replacing that would delete it; choose another folder with -o\n",
        result.stderr,
    )
    assert tree(place) == before


def test_a_bundled_name_is_no_file(tmp_path, monkeypatch):
    """`build --layer-config resnet20 -o resnet20` may be said twice."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet20").mkdir()
    (tmp_path / "resnet20" / QUANTIZE_MARKER).write_text('{"generator": "tcugen"}\n')
    check_replaceable(Path("resnet20"), ("resnet20", None))
    with pytest.raises(UsageError, match="quantize.json is in resnet20, and replacing that"):
        check_replaceable(Path("resnet20"), ("resnet20", Path("resnet20") / QUANTIZE_MARKER))
