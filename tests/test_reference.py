"""One small build is kept in git: whoever changes what is emitted sees how, byte for byte."""

import json
import subprocess
import sys
from pathlib import Path

from tcugen.page.render import DATA_FOLDER, PAGE, page

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "rtl_out" / "reference"
# Every size is fixed, so that what the search chooses does not show here.
ARGUMENTS = (
    "--layer-config", "examples/reference.json", "--array", "4x4", "--activation-kib", "16", "--weight-tiles", "64",
    "--parameter-groups", "32",
)  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_reference_build_is_what_the_generator_writes(tmp_path):
    command = [sys.executable, "-m", "tcugen", "build", *ARGUMENTS, "-o", str(tmp_path / "reference")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    built, kept = contents(tmp_path / "reference"), contents(REFERENCE)
    # Not kept in git: it is a megabyte, and made of report/page.json alone.
    kept[PAGE] = page(json.loads(kept[f"{DATA_FOLDER}/page.json"])).encode()
    changed = [name for name in sorted(built.keys() | kept.keys()) if built.get(name) != kept.get(name)]
    assert changed == [], "`make reference` writes them anew; read the difference before you keep it"


def test_make_reference_gives_the_same_arguments():
    assert " ".join(ARGUMENTS) in (ROOT / "Makefile").read_text()
