"""Wheel and source distribution are complete: what they hold, and that the wheel works where no clone is."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import tcugen
from tcugen.fpga.parts import bundled_parts
from tests.packaged import NAME, WHEEL, make_distributions, outside_environment

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory) -> Path:
    return make_distributions(tmp_path_factory.mktemp("dist"))


def package_files() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tcugen").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_its_data(distributions):
    with zipfile.ZipFile(distributions / WHEEL) as wheel:
        names = set(wheel.namelist())
        text = wheel.read(f"{NAME}.dist-info/METADATA").decode()
    held = {name for name in names if not name.startswith(f"{NAME}.dist-info/")}
    assert held == package_files()
    assert f"{NAME}.dist-info/licenses/LICENSE" in names
    assert "Requires-Python: >=3.11" in text and "# tcugen" in text


@pytest.mark.slow
def test_the_source_distribution_holds_what_a_clone_does(distributions):
    with tarfile.open(distributions / f"{NAME}.tar.gz") as archive:
        names = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    assert package_files() <= names
    wanted = [
        *("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "Makefile"),
        *("pyproject.toml", "constraints.txt", "docs/tutorial.md", "docs/site.py", "docs/mkdocs.yml"),
        *("docs/pictures/page-light.png", "examples/reference.json", "examples/fashion_mnist/images.npy"),
        *("examples/notebooks/array_sizes.ipynb", "tests/test_distributions.py", "sim/bench.py"),
        *("rtl_out/reference/tcu_top.v", "rtl_out/reference/program/program.bin"),
    ]
    assert [name for name in wanted if name not in names] == []
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


@pytest.mark.slow
def test_the_wheel_works_in_a_fresh_environment(distributions, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    wheel, clean = distributions / WHEEL, outside_environment()

    def run(*command: object, **more: str) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            env=clean | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    # What it depends on is that of this environment, but neither the clone nor how that is installed here.
    known = {str(Path(place).resolve()) for place in sys.path if place.endswith("site-packages")}
    (tmp_path / "more").mkdir()
    for place in known:
        for entry in Path(place).iterdir():
            ours = entry.name.startswith(("tcugen", "__editable__", "__pycache__")) or entry.suffix == ".pth"
            target = tmp_path / "more" / entry.name
            if not ours and not target.exists():
                target.symlink_to(entry)
    more = {"PYTHONPATH": str(tmp_path / "more")}
    tcugen_command = tmp_path / "venv" / "bin" / "tcugen"
    where = run(python, "-c", "import tcugen; print(tcugen.__file__)", **more)
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")
    assert run(tcugen_command, "--version", **more).strip() == tcugen.__version__
    assert "rebuild" in run(tcugen_command, "--help", **more)
    assert "resnet50" in run(tcugen_command, "networks", "resnet20", "resnet50", **more)
    # Data files: parts, and what is written beside the Verilog.
    assert bundled_parts()[0].name in run(tcugen_command, "parts", **more)
    run(tcugen_command, "build", "--layer-config", "lenet5", "--array", "4x4", "-o", "machine", **more)
    assert (tmp_path / "machine" / "driver" / "tcu.c").is_file() and (tmp_path / "machine" / "report.html").is_file()
