"""The command line called in this process, and one build of the reference network for all tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tcugen.cli import app

REFERENCE_CONFIG = Path(__file__).parents[2] / "examples" / "reference.json"
MACHINE = ("--array", "4x4", "--activation-kib", "16")


def call(*arguments: object) -> Result:
    """One run of the command line; anything but an orderly end is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def tcugen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`call` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return call


@pytest.fixture(scope="session")
def reference_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a build of the reference network on 4x4; not to be changed."""
    folder = tmp_path_factory.mktemp("build") / "reference"
    result = call("build", "--layer-config", REFERENCE_CONFIG, *MACHINE, "-o", folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def reference_config() -> Path:
    return REFERENCE_CONFIG
