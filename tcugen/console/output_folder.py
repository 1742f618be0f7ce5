"""Output folders that appear whole or not at all, and never replace what is not ours."""

import json
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from tcugen.console.outcome import UsageError

MARKER = "build.json"
IMPORT_MARKER = "import.json"
QUANTIZE_MARKER = "quantize.json"
PROGRAM_MARKER = "compile.json"
EXPORT_MARKER = "export.json"
PARTITION_MARKER = "partition.json"
"""A folder with one of these files, naming tcugen as its generator, may be replaced."""

GENERATOR = "tcugen"


def is_ours(folder: Path) -> bool:
    """Whether a folder was written by a command of this program, so that it may be written again."""
    markers = (MARKER, IMPORT_MARKER, QUANTIZE_MARKER, PROGRAM_MARKER, EXPORT_MARKER, PARTITION_MARKER)
    return any(_names_us(folder / marker) for marker in markers)


def _names_us(marker: Path) -> bool:
    try:
        return json.loads(marker.read_text())["generator"] == GENERATOR
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_creatable(path: Path, flag: str) -> None:
    """Raises UsageError if `path` could not be created, so that work is not lost to a place that cannot be written.

    Tried out, as permissions do not tell everything.
    """
    for place in (path, *path.absolute().parents):
        if place.is_dir():
            try:
                tempfile.TemporaryDirectory(prefix=".tcugen.", dir=place).cleanup()
            except OSError as error:
                raise UsageError(
                    f"cannot write to {place}: {error.strerror}; choose another place with {flag}"
                ) from None
            return
        if place.exists():
            raise UsageError(f"{place} is a file, but a folder is needed there; choose another place with {flag}")


def check_file(path: Path, flag: str) -> None:
    """Raises UsageError if `path` cannot become a file, or the folder it is in does not exist."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder, but a file is to be written; choose another name with {flag}")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is no folder, so {path} cannot be written; choose another place with {flag}")
    check_creatable(path.parent, flag)


def check_replaceable(folder: Path, inputs: Iterable[str | Path | None] = ()) -> None:
    """Raises UsageError if there is at `folder` what is neither an earlier output nor an empty folder, if one of the
    files of `inputs`, which the command reads, is in it, or if it could not be created."""
    if folder.is_dir() and any(folder.iterdir()) and not is_ours(folder):
        raise UsageError(
            f"{folder} holds files that {GENERATOR} did not write, and replacing it would delete them; "
            "choose another folder with -o"
        )
    for path in inputs:
        if path is not None and Path(path).is_file() and Path(path).resolve().is_relative_to(folder.resolve()):
            raise UsageError(
                f"{path} is in {folder}, and replacing that would delete it; choose another folder with -o"
            )
    check_creatable(folder, "-o")
    check_creatable(folder.absolute().parent, "-o")


@contextmanager
def replacing(folder: Path) -> Generator[Path]:
    """A temporary folder beside `folder` that takes its place when the body ends well and vanishes when it does not.

    Raises:
        UsageError: See `check_replaceable`, or if the place cannot be written.
    """
    check_replaceable(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise UsageError(f"cannot write to {folder.parent}: {error.strerror}; choose another folder with -o") from None
    try:
        yield staging
        staging.chmod(0o755)
        old = None
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
            folder.replace(old / "folder")
        staging.replace(folder)
        if old:
            shutil.rmtree(old)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
