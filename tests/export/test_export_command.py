"""`tcugen export`: whole or not at all, the same bytes every time, one message for bad input."""

import json
import shutil

import numpy as np
import pytest

from tests.commands.conftest import call
from tests.export.conftest import BUILD


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_one_form_alone_has_the_same_bytes(exported, tmp_path):
    for form in ("fusesoc", "vivado", "litex", "testbench"):
        assert call("export", BUILD, "--format", form, "-o", tmp_path / "out").exit_code == 0
        written = contents(tmp_path / "out")
        assert json.loads(written.pop("export.json"))["formats"] == [form]
        assert written == contents(exported / form)


def test_images_of_ones_own(exported, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 3, 16, 16), np.float32))
    result = call("export", BUILD, "--format", "testbench", "--images", tmp_path / "x.npy", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    config = json.loads((tmp_path / "out" / "testbench.json").read_text())
    assert config["images"] == 3
    assert (tmp_path / "out" / "expected.hex").read_bytes() != (exported / "testbench" / "expected.hex").read_bytes()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--format", "quartus"), "--format is 'quartus', but it must be one of verilog, fusesoc, vivado, litex,"),
        (("--format", "vivado", "--images", "x.npy"), "--images is for test benches, but --format is vivado"),
        (("--format", "testbench", "--images", "x.npy"), "images must be int8 or float32 (n, 3, 16, 16)"),
    ],
)
def test_bad_arguments_are_one_message(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((1, 3, 8, 8), np.float32))
    result = call("export", BUILD, *arguments, "-o", "out")
    assert result.exit_code == 2 and message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_what_is_no_whole_build_is_refused(tmp_path):
    folder = tmp_path / "build"
    shutil.copytree(BUILD, folder)
    (folder / "tcu_top.v").unlink()
    result = call("export", folder, "-o", tmp_path / "out")
    assert result.exit_code == 2 and "is no whole build" in result.stderr and "tcu_top.v" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("mine")
    result = call("export", BUILD, "-o", tmp_path)
    assert result.exit_code == 2 and "holds files that tcugen did not write" in result.stderr
    assert contents(tmp_path) == {"file": b"mine"}
