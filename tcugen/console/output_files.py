"""Files that flags name for results: no earlier one is taken for this run's, and each appears whole or not at all."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import check_file


def start_over(outputs: Mapping[str, Path | None], inputs: Iterable[str | Path | None] = ()) -> None:
    """Check the files that a run is to write and remove those of an earlier run.

    A run that fails or is interrupted then leaves no result, instead of an old one. Devices stay.

    Args:
        outputs: Files by the flag that names them; None where the flag is not given.
        inputs: What the run reads.

    Raises:
        UsageError: If one cannot be written, is an input, or is named by two flags; nothing is removed then.
    """
    places = {flag: path for flag, path in outputs.items() if path is not None}
    taken = {Path(path).resolve(): f"the input {path}" for path in inputs if path is not None}
    for flag, path in places.items():
        check_file(path, flag)
        target = path.resolve()
        if target in taken and not _is_device(path):
            raise UsageError(f"{flag} {path} is {taken[target]} too, and would replace it; choose another name")
        taken[target] = f"the file of {flag}"
    for path in places.values():
        if not _is_device(path):
            path.resolve().unlink(missing_ok=True)


def check_picture(path: Path | None) -> None:
    """Raises UsageError if the file of --plot has another name than that of an SVG, which it becomes."""
    if path is not None and path.suffix != ".svg":
        raise UsageError(f"--plot is {path}, but its name must end in .svg; write for example {path.stem}.svg")


def write_json(path: Path, figures: Mapping[str, object]) -> None:
    """Write figures as one JSON object; `path` has all of them or is what it was."""
    write_text(path, json.dumps(figures, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text; `path` has all of it or is what it was."""
    if _is_device(path):
        path.write_text(text)
        return
    target = path.resolve()
    staging = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        staging.write_text(text)
        staging.replace(target)
    finally:
        staging.unlink(missing_ok=True)


def _is_device(path: Path) -> bool:
    """Whether it must be written as it stands: a device or pipe, or a name in /dev for whatever file that leads to."""
    return path.absolute().is_relative_to("/dev") or (path.exists() and not path.is_file())
