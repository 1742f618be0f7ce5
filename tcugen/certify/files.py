"""What the checker reads of a program's folder: the instructions, the weights, and where tensors stand for the host."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.certify.errors import NotCertified
from tcugen.isa import EncodingError, Instruction, Opcode, decode_program
from tcugen.network.shape import Shape
from tcugen.program_format import ProgramFormatError, open_program


@dataclass(frozen=True)
class Port:
    """Where a tensor stands in window INPUT or OUTPUT: the agreement with the host."""

    tensor: str
    shape: Shape
    offset: int
    word: int
    pixel_bytes: int
    row_bytes: int
    plane_bytes: int
    int32: bool

    @property
    def planes(self) -> int:
        """Planes of `word` channels."""
        return -(-self.shape.channels // self.word)

    @property
    def bytes(self) -> int:
        """Of the whole tensor, padding included."""
        return self.planes * self.plane_bytes * (4 if self.int32 else 1)

    def addresses(self) -> NDArray[np.int64]:
        """Offset in the window of each element, or of the bytes of each: [C, H, W] or [4, C, H, W]."""
        c, y, x = np.ogrid[: self.shape.channels, : self.shape.height, : self.shape.width]
        place = c // self.word * self.plane_bytes + y * self.row_bytes + x * self.pixel_bytes + c % self.word
        if self.int32:
            place = np.arange(4)[:, None, None, None] * self.planes * self.plane_bytes + place
        return self.offset + np.asarray(place, np.int64)


@dataclass(frozen=True)
class Claim:
    """What a DRAIN or POOL is said to make, see `tcugen.program.Observation`. Nothing is believed, all is checked."""

    tensor: str
    channel0: int
    y0: int
    x0: int
    x_channels: int
    y_step: int
    x_step: int


@dataclass(frozen=True)
class ProgramFiles:
    """A program's folder, decoded.

    Attributes:
        instructions: In the order of fetch.
        weights: Contents of window WEIGHTS, header included.
        inputs, outputs: Of the host.
        sizes: Bytes of windows INPUT, OUTPUT and SCRATCH.
        claims: By instruction.
        layer_tensors: The tensor that the work of each layer number makes.
        code, manifest: program.bin and program.json as they are.
    """

    instructions: tuple[Instruction, ...]
    weights: NDArray[np.uint8]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    sizes: tuple[int, int, int]
    claims: dict[int, Claim]
    layer_tensors: tuple[str, ...]
    code: bytes
    manifest: bytes


def read_files(folder: Path, architecture: Architecture) -> ProgramFiles:
    """Read `program.bin`, `weights.bin` and `program.json`.

    Raises:
        NotCertified: If the machine would refuse the program, or the files cannot be what they should be.
    """
    try:
        code, weights, manifest = (
            (folder / name).read_bytes() for name in ("program.bin", "weights.bin", "program.json")
        )
    except OSError as error:
        raise NotCertified(f"{error.filename}: cannot be read ({error.strerror})") from None
    return decode_files(code, weights, manifest, architecture)


def decode_files(code: bytes, weights: bytes, manifest: bytes, architecture: Architecture) -> ProgramFiles:
    """The same from the contents of the three files."""
    try:
        instructions = decode_program(open_program(code, weights, architecture))
        values: dict[str, Any] = json.loads(manifest)
        sizes = int(values["input_bytes"]), int(values["output_bytes"]), int(values["scratch_bytes"])
        return ProgramFiles(
            instructions=instructions,
            weights=np.frombuffer(weights, np.uint8),
            inputs=tuple(map(_port, values["inputs"])),
            outputs=tuple(map(_port, values["outputs"])),
            sizes=sizes,
            claims=_claims(values["observations"], instructions),
            layer_tensors=tuple(str(layer["tensor"]) for layer in values["layers"]),
            code=code,
            manifest=manifest,
        )
    except (ProgramFormatError, EncodingError) as error:
        raise NotCertified(str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotCertified(f"program.json describes no program ({type(error).__name__}: {error})") from None


def _port(values: dict[str, Any]) -> Port:
    layout = values["layout"]
    shape = Shape(int(layout["channels"]), int(layout["height"]), int(layout["width"]))
    steps = {key: int(layout[key]) for key in ("word", "pixel_bytes", "row_bytes", "plane_bytes")}
    port = Port(str(values["tensor"]), shape, int(values["offset"]), int32=bool(layout["int32"]), **steps)
    if min(steps.values()) < 1 or port.offset < 0:
        raise NotCertified(f"program.json: the layout of {port.tensor!r} has a step that is not positive")
    return port


def _claims(observations: list[dict[str, Any]], instructions: tuple[Instruction, ...]) -> dict[int, Claim]:
    claims: dict[int, Claim] = {}
    for values in observations:
        numbers = {key: int(values.get(key, default)) for key, default in _CLAIM_DEFAULTS.items()}
        claims[int(values["instruction"])] = Claim(str(values["tensor"]), **numbers)
    writers = {index for index, one in enumerate(instructions) if one.opcode in (Opcode.DRAIN, Opcode.POOL)}
    if set(claims) != writers or len(observations) != len(claims):
        raise NotCertified("program.json: its observations are not those of the DRAIN and POOL instructions, one each")
    return claims


_CLAIM_DEFAULTS = {"channel0": 0, "y0": 0, "x0": 0, "x_channels": 0, "y_step": 1, "x_step": 1}
