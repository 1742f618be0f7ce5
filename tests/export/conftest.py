"""The build that is kept in git, exported once in all forms."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tcugen.cli import app

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "rtl_out" / "reference"


@pytest.fixture(scope="session")
def exported(tmp_path_factory) -> Path:
    """Folder of `tcugen export --format all`; not to be changed."""
    folder = tmp_path_factory.mktemp("export") / "all"
    result = CliRunner().invoke(app, ["export", str(BUILD), "-o", str(folder)])
    assert result.exit_code == 0, result.output
    return folder
