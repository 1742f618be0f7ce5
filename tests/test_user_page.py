"""docs/user.md has every command, every flag of the machine and every word for lost cycles."""

from inspect import signature
from pathlib import Path

from typer.core import TyperGroup
from typer.main import get_command

from tcugen.cli import app
from tcugen.console.machine import MachineFlags
from tcugen.report.losses import REASONS
from tests.typed import typed

PAGE = (Path(__file__).parents[1] / "docs" / "user.md").read_text()


def test_every_command_is_there():
    assert [name for name in typed(TyperGroup, get_command(app)).commands if f"`tcugen {name}" not in PAGE] == []


def test_every_flag_of_the_machine_is_there():
    flags = [f"| `--{name.replace('_', '-')}" for name in signature(MachineFlags).parameters]
    assert [flag for flag in flags if f"{flag} " not in PAGE and f"{flag}`" not in PAGE] == []


def test_every_loss_is_explained_as_the_commands_do():
    assert [reason for reason, text in REASONS.items() if f"| `{reason}` | {text} |" not in PAGE] == []
