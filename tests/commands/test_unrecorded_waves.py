"""Waves that were asked for and could not be recorded are no success."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tcugen.arch import Architecture
from tcugen.commands.simulate import Measured
from tcugen.commands.waves import WaveWindow, record_waves_of_run, write_animation
from tcugen.console.outcome import Status
from tcugen.simulator.run import SimulationError
from tcugen.verify import diagnose
from tests.simulator.copy_machine import copy_program


@pytest.fixture
def console(monkeypatch) -> Console:
    """Where a simulator that does not record is told of."""

    def fails(*_: object, **__: object) -> None:
        raise SimulationError("the simulator ended")

    monkeypatch.setattr(diagnose, "record_waves", fails)
    return Console(file=StringIO(), width=200)


def said(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_waves(console, tmp_path):
    program = copy_program(Architecture(rows=4, columns=4))
    path = tmp_path / "run.vcd"
    assert not record_waves_of_run(path, WaveWindow(0, 10), program, Path("rtl"), {}, "fixed", console)
    assert "waves could not be recorded: the simulator ended" in said(console)
    assert list(tmp_path.iterdir()) == []


def test_an_animation(console, tmp_path):
    program = copy_program(Architecture(rows=4, columns=4))
    assert not write_animation(tmp_path / "array.html", None, program, Path("rtl"), {}, "fixed", console)
    assert "waves could not be recorded: the simulator ended" in said(console)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "mismatches, recorded, status", [(0, True, Status.OK), (0, False, Status.MISMATCH), (1, True, Status.MISMATCH)]
)
def test_the_status(mismatches, recorded, status):
    nothing: Any = None
    figures: Any = {"mismatches": mismatches, "reference": None}
    assert Measured(nothing, nothing, {}, nothing, figures, None, recorded).status == status
