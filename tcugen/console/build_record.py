"""What `build.json` says of how a build was asked for, so that `tcugen rebuild` can ask for the same again.

The networks themselves are in the build, as layer configs. A model is not, as it is large: its name and hash are.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tcugen import __version__
from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import GENERATOR, MARKER, PROGRAM_MARKER, QUANTIZE_MARKER
from tcugen.fpga.parts import Part, bundled_parts


@dataclass(frozen=True)
class BuildRecord:
    """How a build was asked for.

    Attributes:
        networks: Name of each network, with the SHA-256 of its layer config.
        flags: Of the machine.
        part: Name of a bundled part, or a description of another one; None for no part.
        clock_mhz: Of `--clock-mhz`.
        model: File name and SHA-256 of the model; None for placeholder weights.
        quantize_sha256: Of the `quantize.json` beside the model, whose figures the page shows; None if there was none.
        goal: Of `--goal`.
        certify: Whether its programs are certified.
    """

    networks: tuple[tuple[str, str], ...]
    flags: MachineFlags
    part: str | dict[str, Any] | None = None
    clock_mhz: float | None = None
    model: tuple[str, str] | None = None
    quantize_sha256: str | None = None
    goal: str | None = None
    certify: bool = True


def sha256(data: bytes) -> str:
    """As lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def asked(
    flags: MachineFlags,
    *,
    certify: bool,
    part: Part | None = None,
    clock_mhz: float | None = None,
    goal: str | None = None,
    model: Path | None = None,
) -> dict[str, Any]:
    """The keys of `build.json` beside those that name the inputs; what was not given is left out."""
    found: dict[str, Any] = {"flags": {name: value for name, value in asdict(flags).items() if value is not None}}
    if part is not None:
        found["part"] = part.name if part in bundled_parts() else part.model_dump(mode="json")
    if clock_mhz is not None:
        found["clock_mhz"] = clock_mhz
    if goal is not None:
        found["goal"] = goal
    if not certify:
        found["certify"] = False
    if model is not None:
        found["model"] = model.name
        if (model.parent / QUANTIZE_MARKER).is_file():
            found["quantize_sha256"] = sha256((model.parent / QUANTIZE_MARKER).read_bytes())
    return found


def read_record(folder: Path) -> BuildRecord:
    """The record of a build that this version wrote.

    Raises:
        UsageError: If the folder is no build, is of another version, or has no record.
    """
    if (folder / PROGRAM_MARKER).exists():
        raise UsageError(f"{folder} holds a program alone, not a build; `tcugen compile` writes it again")
    try:
        marker = json.loads((folder / MARKER).read_text())
        if marker["generator"] != GENERATOR:
            raise ValueError(f"its generator is {marker['generator']!r}")
        version = str(marker["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder} is no build: {MARKER} cannot be read ({error}); give a folder that `tcugen build` wrote"
        ) from None
    if version != __version__:
        raise UsageError(
            f"{folder} was written by version {version}, but this is {__version__}, which may write other bytes; "
            f"install that one: pip install tcugen=={version}"
        )
    try:
        networks = marker.get("networks", [marker])
        if not networks:
            raise KeyError("networks")
        return BuildRecord(
            networks=tuple((str(one["network"]), str(one["layer_config_sha256"])) for one in networks),
            flags=MachineFlags(**marker["flags"]),
            part=marker.get("part"),
            clock_mhz=marker.get("clock_mhz"),
            model=(str(marker["model"]), str(marker["model_sha256"])) if "model" in marker else None,
            quantize_sha256=marker.get("quantize_sha256"),
            goal=marker.get("goal"),
            certify=bool(marker.get("certify", True)),
        )
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{folder}: {MARKER} does not say how the build was asked for ({error}); build it again with its flags"
        ) from None
