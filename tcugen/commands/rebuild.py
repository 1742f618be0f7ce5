"""`tcugen rebuild`: a build written again from its own record, and compared byte for byte."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tcugen.commands.build import BuildOptions, build
from tcugen.commands.build_several import PROGRAMS, SeveralOptions, build_several
from tcugen.commands.part_goal import Goal
from tcugen.console.build_record import BuildRecord, read_record, sha256
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_folder import QUANTIZE_MARKER, check_replaceable
from tcugen.page.render import DATA, DATA_FOLDER, PAGE


@dataclass(frozen=True)
class RebuildOptions:
    """Arguments of `tcugen rebuild`.

    Attributes:
        folder: What `tcugen build` wrote.
        model: Where the model is that it was built from; None if there was none.
        output: Folder to keep the second build in; None to keep none.
    """

    folder: Path
    model: Path | None = None
    output: Path | None = None


def rebuild(options: RebuildOptions, console: Console) -> Status:
    """Build again, compare with the first, and say what differs: MISMATCH if a file of the build does.

    Files in the folder that the build did not write are named, but are no difference; nor are pages that are left out
    where their data is kept, which they are made of alone.

    Raises:
        UsageError: If the record or an input is not there, or is not what it was; and nothing is written.
        NetworkError, ModelError, PartError, SizingError, CompileError, ArchitectureError: As `build`.
    """
    record = read_record(options.folder)
    if options.output is not None:
        check_replaceable(options.output, (options.model,))
        here, there = options.folder.resolve(), options.output.resolve()
        if here.is_relative_to(there) or there.is_relative_to(here):
            raise UsageError(f"-o {options.output} and {options.folder} hold each other; choose another folder with -o")
    with TemporaryDirectory(prefix="tcugen.") as name:
        inputs = Path(name) / "inputs"
        inputs.mkdir()
        target = options.output or Path(name) / "again"
        _build(options, record, inputs, target, console)
        before, again = _contents(options.folder), _contents(target)

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    for path in sorted(before.keys() - again.keys()):
        say(f"not of the build: {path}")
    for path in sorted(path for path in again.keys() - before.keys() if _page_data(path) in before):
        say(f"left out: {path}, which is made of {_page_data(path)} alone")
        del again[path]
    differing = [path for path in sorted(again) if before.get(path) != again[path]]
    for path in differing:
        say(f"missing: {path}" if path not in before else f"differs: {path}, {_first(before[path], again[path])}")
    if differing:
        say(f"{options.folder} is not what its record gives: {len(differing)} of {len(again)} files differ")
        return Status.MISMATCH
    total = sum(len(data) for data in again.values())
    say(f"{options.folder}: {len(again)} files, {total:,} bytes, every byte identical")
    return Status.OK


def _build(options: RebuildOptions, record: BuildRecord, inputs: Path, target: Path, console: Console) -> None:
    """Lay the inputs of the first build into `inputs` and build from them."""
    (name, digest), *others = record.networks
    if others:
        _refuse_model(options)
        folders = {name: options.folder / PROGRAMS / name for name, _ in record.networks}
        configs = tuple(_layer_config(folders[name], inputs, name, digest) for name, digest in record.networks)
        build_several(SeveralOptions(configs, target, record.certify), record.flags, console)
        return
    model = None
    if record.model is not None:
        model = _model(options, record.model, record.quantize_sha256, inputs)
    else:
        _refuse_model(options)
    asked = BuildOptions(
        layer_config=None if model else _layer_config(options.folder, inputs, name, digest),
        model=model,
        output=target,
        part=_part(record, inputs),
        clock_mhz=record.clock_mhz,
        classes=_classes(options.folder, inputs),
        goal=None if record.goal is None else Goal(record.goal),
        certify=record.certify,
    )
    build(asked, record.flags, console)


def _page_data(path: str) -> str | None:
    """Name of the file that a page is made of; None of any other file."""
    page = Path(path)
    return (page.with_name(DATA_FOLDER) / DATA).as_posix() if page.name == PAGE else None


def _refuse_model(options: RebuildOptions) -> None:
    if options.model is not None:
        raise UsageError(
            f"--model {options.model}: {options.folder} was built from layer configs, which it holds; leave it out"
        )


def _layer_config(folder: Path, inputs: Path, name: str, digest: str) -> str:
    """Path of the layer config in `inputs`. Raises UsageError unless it is what the build read."""
    place = folder / "layer-config.json"
    try:
        data = place.read_bytes()
    except OSError as error:
        raise UsageError(f"{place}: cannot be read ({error.strerror}); take the build from where it is whole") from None
    if sha256(data) != digest:
        raise UsageError(
            f"{place} is not what the build read: its SHA-256 is {sha256(data)}, that of the record {digest}; "
            "build from it with `tcugen build`"
        )
    path = inputs / f"{name}.json"
    path.write_bytes(data)
    return str(path)


def _model(options: RebuildOptions, recorded: tuple[str, str], quantize_sha256: str | None, inputs: Path) -> Path:
    """Path of the model in `inputs`, under the name that it had, with the figures that were beside it."""
    name, digest = recorded
    if options.model is None:
        raise UsageError(
            f"{options.folder} was built from {name}, which is not in it (SHA-256 {digest}); name it with --model FILE"
        )
    _copy(options.model, inputs / name, digest, "--model")
    if quantize_sha256 is not None:
        _copy(options.model.parent / QUANTIZE_MARKER, inputs / QUANTIZE_MARKER, quantize_sha256, "beside --model:")
    return inputs / name


def _copy(source: Path, target: Path, digest: str, argument: str) -> None:
    try:
        found = sha256(source.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{argument} {source}: cannot be read ({error.strerror}); give the file that was built from"
        ) from None
    if found != digest:
        raise UsageError(
            f"{argument} {source}: its SHA-256 is {found}, but the build read {digest}; give the file of then"
        )
    shutil.copyfile(source, target)


def _part(record: BuildRecord, inputs: Path) -> str | None:
    """What `--part` was, a description as a file again."""
    if record.part is None or isinstance(record.part, str):
        return record.part
    path = inputs / "part.json"
    path.write_text(json.dumps(record.part))
    return str(path)


def _classes(folder: Path, inputs: Path) -> Path | None:
    """The class names that the program of the build has, as a file again; None if it has none."""
    place = folder / "program" / "quantization.json"
    try:
        names = json.loads(place.read_text())["classes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{place}: cannot be read ({error}); take the build from where it is whole") from None
    if names is None:
        return None
    path = inputs / "classes.txt"
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return path


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _first(before: bytes, again: bytes) -> str:
    """Where two files part."""
    shorter = min(len(before), len(again))
    place = next((i for i in range(shorter) if before[i] != again[i]), shorter)
    return f"first at byte {place:,} of {len(before):,}"
