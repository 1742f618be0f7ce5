"""The wheel on other Pythons, as far as nothing is compiled: they write the same bytes.

Run on those that are found: `python3.12` and so on, or what `TCUGEN_PYTHONS` names, as `make pythons` does.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import tcugen
from tests.packaged import WHEEL, make_distributions, outside_environment
from tests.test_reference import ARGUMENTS, REFERENCE, ROOT, contents

NAMES = os.environ.get("TCUGEN_PYTHONS", "python3.12 python3.13")


def version(python: str) -> str | None:
    """Its version, as "3.12"; None if it does not run. A name on PATH may be a shim without a Python."""
    found = shutil.which(python)
    if found is None:
        return None
    command = [found, "-c", "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


PYTHONS = {found: python for python in NAMES.split() if (found := version(python))}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return make_distributions(tmp_path_factory.mktemp("dist")) / WHEEL


def test_what_was_asked_for_runs():
    """A name in `TCUGEN_PYTHONS` that leads nowhere would leave out what was asked for."""
    asked = os.environ.get("TCUGEN_PYTHONS", "").split()
    missing = [python for python in asked if version(python) is None]
    assert missing == [], f"no Python runs as {' or '.join(missing)}; name others: make pythons PYTHONS=PATH"


@pytest.mark.verify
@pytest.mark.parametrize("found", sorted(PYTHONS))
def test_another_python_writes_the_reference_build(wheel, tmp_path, found):
    subprocess.run([PYTHONS[found], "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"

    def run(*command: object) -> str:
        words = [str(python), "-W", "error", *map(str, command)]
        done = subprocess.run(
            words, cwd=ROOT / "examples", env=outside_environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    # pip's own warnings are not ours.
    pip = [str(python), "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel)]
    subprocess.run(pip, check=True, env=outside_environment())
    assert run("-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip() == found
    assert Path(run("-c", "import tcugen; print(tcugen.__file__)").strip()).is_relative_to(tmp_path / "venv")
    assert run("-m", "tcugen", "--version").strip() == tcugen.__version__
    arguments = [argument.removeprefix("examples/") for argument in ARGUMENTS]
    run("-m", "tcugen", "build", *arguments, "-o", tmp_path / "built")
    built, kept = contents(tmp_path / "built"), contents(REFERENCE)
    assert [name for name in sorted(kept) if built.get(name) != kept[name]] == []
    checked = run("-m", "tcugen", "check", tmp_path / "built" / "program", "--rtl", tmp_path / "built")
    assert "safe on the machine" in checked, checked
