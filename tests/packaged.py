"""Wheel and source distribution, made from the files of the repository."""

import os
import subprocess
import sys
from pathlib import Path

import tcugen

ROOT = Path(__file__).parents[1]
NAME = f"tcugen-{tcugen.__version__}"
WHEEL = f"{NAME}-py3-none-any.whl"


def make_distributions(folder: Path) -> Path:
    """Folder of both; the wheel from the source distribution."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    # A copy, as building leaves files behind. Without git, as in an unpacked archive, of all that is there.
    names = listed.stdout.splitlines() if listed.returncode == 0 else None
    source = folder / "source"
    for path in ROOT.rglob("*") if names is None else (ROOT / name for name in names):
        place = source / path.relative_to(ROOT)
        hidden = any(part.startswith(".") or part == "build" for part in place.relative_to(source).parts)
        if path.is_file() and not hidden:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    # setuptools is installed for the tests: nothing is fetched.
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(source)],
        check=True,
        capture_output=True,
        env=outside_environment(),
    )
    return folder / "dist"


def outside_environment() -> dict[str, str]:
    """The environment without what leads Python to the clone."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"NO_COLOR": "1"}
