"""`tcugen export`: a build in the forms that other tools take."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen import __version__
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import EXPORT_MARKER, GENERATOR, MARKER, check_replaceable, replacing
from tcugen.console.packages import require
from tcugen.export import device_tree, fusesoc, litex, register_maps, vivado
from tcugen.export.build_folder import LINT, SOURCES, Build, read_build
from tcugen.export.constraints import constraints
from tcugen.export.testbench import IMAGES, Image, random_images, testbench

Files = dict[str, bytes]


@dataclass(frozen=True)
class ExportOptions:
    """Arguments of `tcugen export`.

    Attributes:
        build: Folder of a build.
        form: One of FORMS, or "all".
        output: Folder to write.
        images: For the test benches: a `.npy` file of images [n, C, H, W], int8, or float32 to be quantized; None for
            random ones.
    """

    build: Path
    form: str
    output: Path
    images: Path | None = None


def _verilog(build: Build, _: list[Image]) -> Files:
    file_list = "".join(f"{name}\n" for name in SOURCES).encode()
    maps = {f"registers/{name}": data for name, data in register_maps.exported(build.architecture).items()}
    tree = {f"linux/{name}": data for name, data in device_tree.fragments(build).items()}
    clock = {f"constraints/{name}": data for name, data in constraints(build).items()}
    return {**build.files, "tcu.f": file_list, **maps, **tree, **clock}


def _fusesoc(build: Build, _: list[Image]) -> Files:
    clock = {"tcu.sdc": constraints(build)["tcu.sdc"]}
    return {**{name: build.files[name] for name in (*SOURCES, LINT)}, "tcu.core": fusesoc.core(build), **clock}


FORMS: dict[str, Callable[[Build, list[Image]], Files]] = {
    "verilog": _verilog,
    "fusesoc": _fusesoc,
    "vivado": lambda build, _: vivado.core(build),
    "litex": lambda build, _: litex.module(build),
    "testbench": testbench,
}
"""What makes the files of each form, from a build and images for the benches."""

_NEEDS = {"verilog": ("systemrdl-compiler", "peakrdl-ipxact", "peakrdl-html", "peakrdl-cheader")}


def export(options: ExportOptions, console: Console) -> None:
    """Write the folder; it appears whole or not at all.

    Raises:
        ExportError, ModelError, UsageError: And nothing is written.
    """
    if options.form not in (*FORMS, "all"):
        raise UsageError(f"--format is {options.form!r}, but it must be one of {', '.join(FORMS)} or all")
    chosen = list(FORMS) if options.form == "all" else [options.form]
    if options.images is not None and "testbench" not in chosen:
        raise UsageError(f"--images is for test benches, but --format is {options.form}; leave it out")
    for form in chosen:
        require("export", *_NEEDS.get(form, ()))
    check_replaceable(options.output, (options.build / MARKER, options.images))
    build = read_build(options.build)
    images = _images(build, options.images) if "testbench" in chosen else []
    with replacing(options.output) as staging:
        for form in chosen:
            folder = staging / form if options.form == "all" else staging
            for name, data in FORMS[form](build, images).items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        marker = {"generator": GENERATOR, "version": __version__, "formats": chosen, "network": build.program.network}
        (staging / EXPORT_MARKER).write_text(json.dumps(marker, indent=1) + "\n")
    console.print(f"written to {options.output}: {', '.join(chosen)}", highlight=False, markup=False)


def _images(build: Build, path: Path | None) -> list[Image]:
    if path is None:
        return random_images(build.program, IMAGES)
    from tcugen.driver.tcu import Network
    from tcugen.model.array_files import read_array

    tensor, *others = Network.read(build.folder).inputs
    if others:
        raise UsageError("--images is one array, but the network has several inputs; leave it out for random images")
    images = read_array(path, "images")
    if images.dtype not in ("int8", "float32") or images.shape[1:] != tensor.shape or not len(images):
        raise UsageError(
            f"{path}: holds {images.dtype} {images.shape}, but images must be int8 or float32 "
            f"(n, {', '.join(map(str, tensor.shape))}); prepare them as for the model"
        )
    return [{tensor.name: image if image.dtype == "int8" else tensor.quantize(image)} for image in images]
