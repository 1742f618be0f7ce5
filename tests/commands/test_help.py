"""Help and completion of the command line."""

import os
import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from tcugen.cli import app
from tests.typed import typed

VERBS = sorted(typed(TyperGroup, get_command(app)).commands)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_h_is_help(tcugen, verb):
    short, long = (tcugen(*verb.split(), flag) for flag in ("-h", "--help"))
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout
    assert f"tcugen {verb}".strip() in long.stdout or f"Usage: root {verb}".strip() in long.stdout


def completed(tmp_path, **variables):
    path = os.pathsep.join(sys.path)
    environment = os.environ | {"PYTHONPATH": path, "HOME": str(tmp_path)} | variables
    command = [sys.executable, "-m", "tcugen"]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout


def test_bash_gets_a_script_and_the_verbs(tmp_path):
    assert "complete -o default -F _tcugen_completion tcugen" in completed(tmp_path, _TCUGEN_COMPLETE="source_bash")
    verbs = completed(tmp_path, _TCUGEN_COMPLETE="complete_bash", COMP_WORDS="tcugen s", COMP_CWORD="1").split()
    assert verbs == ["simulate", "shapes", "speed", "synth", "sweep"]
    flags = completed(tmp_path, _TCUGEN_COMPLETE="complete_bash", COMP_WORDS="tcugen build --act", COMP_CWORD="2")
    assert flags.split() == ["--activation-kib"]


def test_completion_can_be_installed():
    parameters = {parameter.name for parameter in get_command(app).params}
    assert {"install_completion", "show_completion"} <= parameters
