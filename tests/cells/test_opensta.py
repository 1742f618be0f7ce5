"""OpenSTA missing, and OpenSTA failing."""

import pytest

from tcugen.cells.opensta import find_opensta, run_opensta, workspace
from tcugen.fpga.errors import SynthesisError


def test_none_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SynthesisError, match="no OpenSTA found: install it .Debian: apt install opensta"):
        find_opensta()


def test_a_command_that_is_wrong(tmp_path):
    with pytest.raises(SynthesisError, match="OpenSTA failed: Error.*reed_verilog"):
        run_opensta(["reed_verilog x.v"], tmp_path, "wrong", 60, lambda _: None)


def test_a_workspace_is_kept_when_all_went_well(tmp_path):
    for text in ("first", "second"):
        with workspace(tmp_path, "run") as work:
            (work / "log").write_text(text)
    assert (tmp_path / "run" / "log").read_text() == "second"
    with pytest.raises(OSError, match="full"), workspace(tmp_path, "run") as work:
        raise OSError("full")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "log").read_text() == "second"
