"""The firmware of the simulated SoC compiled, and the contents of its memories."""

import importlib.util
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.soc.simulator import run
from tcugen.simulator.environment import EnvironmentProblem

COMPILER = "riscv64-unknown-elf-gcc"
SPECS = "picolibc.specs"
SOURCES = Path(__file__).parent / "firmware"

_MACHINE = ("-march=rv32im_zicsr", "-mabi=ilp32")
_LINKED_MACHINE = ("-march=rv32im", "-mabi=ilp32")
"""The same; libraries are found by this name only."""

_FLAGS = (
    *("-std=gnu99", "-O2", "-ffunction-sections", "-fdata-sections", "-D__vexriscv__"),
    *(f"--specs={SPECS}", "-DPICOLIBC_INTEGER_PRINTF_SCANF"),
    # LiteX's start of the DRAM waits for its voltages, and the model has none.
    "-DCONFIG_BIOS_NO_DELAYS",
)
_STRICT = ("-Wall", "-Wextra", "-Werror")
"""For the driver and what is written here; LiteX's headers have warnings of their own."""


@dataclass(frozen=True)
class Contents:
    """What the memories hold when the simulation starts, as lines of hexadecimal words."""

    rom: str
    flash: str


def require_tools() -> None:
    """Raises EnvironmentProblem unless LiteX, and compiler and C library for its processor are there."""
    _litex()
    if not shutil.which(COMPILER):
        raise EnvironmentProblem(f"no {COMPILER} found; install it (Debian: apt install gcc-riscv64-unknown-elf)")
    command = [COMPILER, f"--specs={SPECS}", "-include", "stdio.h", "-E", "-x", "c", "/dev/null"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        raise EnvironmentProblem(
            f"{COMPILER} finds no picolibc; install it (Debian: apt install picolibc-riscv64-unknown-elf)"
        )


def _litex() -> Path:
    """Folder of the package; LiteX's software is sources beside its Python."""
    spec = importlib.util.find_spec("litex")
    if spec is None or not spec.submodule_search_locations:
        raise EnvironmentProblem("no LiteX found; run `pip install 'tcugen[verify,soc]'`")
    return Path(spec.submodule_search_locations[0])


def contents(build: Path, soc: Path, images: NDArray[np.float32], errors: bool, folder: Path) -> Contents:
    """Firmware for the build in the SoC, compiled in an existing `folder`, and the flash that it reads.

    Args:
        build: Folder of `tcugen build`; its `driver/tcu.c` is compiled as it is.
        soc: Folder of `simulator.soc`.
        images: [N, C, H, W], which the driver quantizes.
        errors: The firmware provokes every error, too.

    Raises:
        EnvironmentProblem: If there is no compiler.
        SocError: If it refuses the firmware.
    """
    require_tools()
    parts = {
        "PROGRAM": (build / "program" / "program.bin").read_bytes(),
        "WEIGHTS": (build / "program" / "weights.bin").read_bytes(),
        "IMAGES": np.ascontiguousarray(images, "<f4").tobytes(),
    }
    flash = b""
    defined = [f"#define IMAGES {len(images)}u", f"#define ERRORS {int(errors)}"]
    for name, data in parts.items():
        defined.append(f"#define FLASH_{name} {len(flash)}u")
        flash += data + bytes(-len(data) % 64)
    (folder / "flash.h").write_text("\n".join(defined) + "\n")
    # The compiler runs in `folder`, from which relative paths lead elsewhere.
    return Contents(_words(_compile(build.resolve() / "driver", soc.resolve(), folder.resolve())), _words(flash))


def _compile(driver: Path, soc: Path, folder: Path) -> bytes:
    """The firmware as the bytes of the ROM."""
    start = Path(json.loads((soc / "cpu.json").read_text())["folder"])
    software = _litex() / "soc" / "software"
    includes = [driver, folder, SOURCES]
    systems = [soc, start, software / "include", software / "include" / "base", software / "libbase"]
    search = [*(f"-I{path}" for path in includes), *(word for path in systems for word in ("-isystem", str(path)))]
    objects: list[Path] = []
    for source in (*sorted(SOURCES.glob("*.c")), driver / "tcu.c", start / "crt0.S", software / "libbase" / "system.c"):
        ours = source.parent in (SOURCES, driver)
        objects.append(folder / f"{source.stem}.o")
        flags = (*_MACHINE, *_FLAGS, *(_STRICT if ours else ()), *search)
        run([COMPILER, *flags, "-c", source, "-o", objects[-1]], folder)
    script = software / "bios" / "linker.ld"
    link = [f"-T{script}", f"-L{soc}", "-nostartfiles", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"]
    run([COMPILER, *_LINKED_MACHINE, *_FLAGS, *objects, *link, "-o", folder / "firmware.elf"], folder)
    run([COMPILER.replace("gcc", "objcopy"), "-O", "binary", "firmware.elf", "firmware.bin"], folder)
    return (folder / "firmware.bin").read_bytes()


def _words(data: bytes) -> str:
    words = np.frombuffer(data + bytes(-len(data) % 4), "<u4")
    return "".join(f"{word:08x}\n" for word in words)
