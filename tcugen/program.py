"""The program file: what the compiler leaves and the emulator, the simulator and the host driver read.

A program directory holds `program.bin` (instructions), `weights.bin` (parameters and weights in the order of use)
and `program.json` (the rest). Nothing in it depends on where it will be placed in memory.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.isa import PART_BYTES, Instruction, decode_program, encode_program
from tcugen.program_format import open_program, part_offset, seal_program

Tensor = NDArray[np.int8 | np.int32]
"""Elements [C, H, W] of one tensor: int8, or int32 where a layer stores its sums."""


_MOST = 1 << 48
"""Of any number beside a program."""

_SHARED_NAMES = ("tensor", "source")
"""What of a shared range is no number."""


@dataclass(frozen=True)
class TensorLayout:
    """Where the bytes of one int8 tensor stand, in the activation memory and in memory alike.

    Element (channel c, row y, column x) is at `(c // word) * plane_bytes + y * row_bytes + x * pixel_bytes + c % word`
    from the tensor's base, with `word` = rows of the array. A tensor of fewer channels than `word` may be packed:
    `pixel_bytes` < `word`, one plane. An int32 tensor is four such byte planes, least significant first,
    `byte_step` apart.
    """

    channels: int
    height: int
    width: int
    word: int
    pixel_bytes: int
    row_bytes: int
    plane_bytes: int
    int32: bool = False

    @property
    def planes(self) -> int:
        return -(-self.channels // self.word)

    @property
    def byte_step(self) -> int:
        return self.planes * self.plane_bytes

    @property
    def bytes(self) -> int:
        """Bytes of the whole tensor, padding included."""
        return self.byte_step * (4 if self.int32 else 1)

    def byte_indices(self) -> NDArray[np.int64]:
        """Offset of each element from the base, [C, H, W]; of an int32 tensor, of its lowest byte."""
        c = np.arange(self.channels)[:, None, None]
        y = np.arange(self.height)[None, :, None]
        x = np.arange(self.width)[None, None, :]
        return (c // self.word) * self.plane_bytes + y * self.row_bytes + x * self.pixel_bytes + c % self.word

    def pack(self, tensor: NDArray[Any]) -> NDArray[np.uint8]:
        """int8 [C, H, W] to uint8 [bytes]; bytes between elements are 0."""
        if tensor.dtype != np.int8 or tensor.shape != (self.channels, self.height, self.width) or self.int32:
            raise ValueError(f"cannot pack {tensor.dtype} {tensor.shape} as {self}")
        image = np.zeros(self.bytes, np.uint8)
        image[self.byte_indices()] = tensor.view(np.uint8)
        return image

    def unpack(self, image: NDArray[np.uint8]) -> Tensor:
        """uint8 [bytes] to int8 [C, H, W], or int32 [C, H, W] for an int32 tensor."""
        indices = self.byte_indices()
        if not self.int32:
            return image[indices].view(np.int8)
        planes = [image[indices + k * self.byte_step].astype(np.uint32) << np.uint32(8 * k) for k in range(4)]
        return (planes[0] | planes[1] | planes[2] | planes[3]).view(np.int32)


@dataclass(frozen=True)
class Port:
    """One input or output tensor of the program: its bytes start at `offset` in window INPUT or OUTPUT."""

    tensor: str
    offset: int
    layout: TensorLayout


@dataclass(frozen=True)
class Layer:
    """One layer number: the nodes whose work carries it, the last of them makes `tensor`."""

    nodes: tuple[str, ...]
    tensor: str


@dataclass(frozen=True)
class Observation:
    """What one DRAIN or POOL instruction writes: a box of `tensor`.

    Its loop variables give the element: channel `channel0 + ch + x * x_channels`, row `y0 + y * y_step`,
    column `x0 + (x * x_step if x_channels == 0 else 0)`, where ch counts from the instruction's first channel.
    Writes to channels the tensor does not have are padding.
    """

    instruction: int
    tensor: str
    channel0: int = 0
    y0: int = 0
    x0: int = 0
    x_channels: int = 0
    y_step: int = 1
    x_step: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Its fields, but for the steps where they are 1."""
        return {key: value for key, value in asdict(self).items() if value != 1 or key not in ("y_step", "x_step")}


@dataclass(frozen=True)
class Shared:
    """Channels `first` .. `first + channels - 1` of `tensor` are the bytes of those of `source` from `source_first` on:
    no instruction writes them for it."""

    tensor: str
    first: int
    channels: int
    source: str
    source_first: int


@dataclass(frozen=True)
class Program:
    """A compiled program.

    Attributes:
        architecture: What it was compiled for.
        network: Name of the network.
        mac_count: The network's own multiply-accumulates per image.
        instructions: In fetch order; the last is END.
        weights: uint8, contents of window WEIGHTS, sealed: see `program_format`.
        inputs, outputs: Tensors of windows INPUT and OUTPUT.
        input_bytes, output_bytes, scratch_bytes: Sizes of those windows.
        layers: By layer number.
        tensors: Layout of every tensor that a layer makes, by name.
        observations: One per DRAIN and POOL instruction, in fetch order.
        shared: Of tensors that are put together from others where these stand; a source stands before what it is in.
    """

    architecture: Architecture
    network: str
    mac_count: int
    instructions: tuple[Instruction, ...]
    weights: NDArray[np.uint8]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    input_bytes: int
    output_bytes: int
    scratch_bytes: int
    layers: tuple[Layer, ...]
    tensors: dict[str, TensorLayout]
    observations: tuple[Observation, ...]
    shared: tuple[Shared, ...] = ()

    @property
    def code(self) -> bytes:
        """Contents of window PROGRAM, sealed: see `program_format`."""
        parts = b"".join(encode_program(self.instructions))
        return seal_program(parts, self.weights.tobytes(), self.architecture)

    @property
    def code_offsets(self) -> tuple[int, ...]:
        """Where each instruction starts in `code`, in bytes."""
        counts = [len(written) // PART_BYTES for written in encode_program(self.instructions)]
        return tuple(part_offset(first) for first in accumulate(counts[:-1], initial=0))

    def write(self, directory: Path) -> None:
        """Write the three files into an existing directory. The same program gives the same bytes."""
        (directory / "program.bin").write_bytes(self.code)
        (directory / "weights.bin").write_bytes(self.weights.tobytes())
        manifest = {
            "format": 1,
            "network": self.network,
            "mac_count": self.mac_count,
            "architecture": self.architecture.for_programs.to_dict(),
            "input_bytes": self.input_bytes,
            "output_bytes": self.output_bytes,
            "scratch_bytes": self.scratch_bytes,
            "inputs": [asdict(port) for port in self.inputs],
            "outputs": [asdict(port) for port in self.outputs],
            "layers": [asdict(layer) for layer in self.layers],
            "tensors": {name: asdict(layout) for name, layout in self.tensors.items()},
            "observations": [observation.to_dict() for observation in self.observations],
        }
        if self.shared:
            manifest["shared"] = [asdict(shared) for shared in self.shared]
        (directory / "program.json").write_text(json.dumps(manifest, indent=1) + "\n")

    @classmethod
    def read(cls, directory: Path) -> "Program":
        """Inverse of `write`.

        Raises:
            ProgramFormatError: If the machine would refuse the program.
            ValueError, KeyError, TypeError, AttributeError: If `program.json` is not what `write` writes.
        """
        try:
            manifest = json.loads((directory / "program.json").read_text())
        except RecursionError:
            raise ValueError("program.json is nested too deeply") from None
        architecture = Architecture.from_dict(manifest["architecture"])
        weights = (directory / "weights.bin").read_bytes()
        parts = open_program((directory / "program.bin").read_bytes(), weights, architecture)

        def port(values: Mapping[str, Any]) -> Port:
            return Port(values["tensor"], values["offset"], TensorLayout(**values["layout"]))

        program = cls(
            architecture=architecture,
            network=manifest["network"],
            mac_count=manifest["mac_count"],
            instructions=decode_program(parts),
            weights=np.frombuffer(weights, np.uint8),
            inputs=tuple(port(values) for values in manifest["inputs"]),
            outputs=tuple(port(values) for values in manifest["outputs"]),
            input_bytes=manifest["input_bytes"],
            output_bytes=manifest["output_bytes"],
            scratch_bytes=manifest["scratch_bytes"],
            layers=tuple(Layer(tuple(layer["nodes"]), layer["tensor"]) for layer in manifest["layers"]),
            tensors={name: TensorLayout(**values) for name, values in manifest["tensors"].items()},
            observations=tuple(Observation(**values) for values in manifest["observations"]),
            shared=tuple(Shared(**values) for values in manifest.get("shared", ())),
        )
        program._check_manifest()
        return program

    def _check_manifest(self) -> None:
        """Raises ValueError if a number or name of `program.json` is none that a program can have."""
        numbers: list[tuple[str, object, int]] = [
            (name, getattr(self, name), 0) for name in ("mac_count", "input_bytes", "output_bytes", "scratch_bytes")
        ]
        for observation in self.observations:
            values = vars(observation).items()
            numbers += [(f"an observation's {name}", value, 0) for name, value in values if name != "tensor"]
        for shared in self.shared:
            values = vars(shared).items()
            numbers += [(f"a shared range's {name}", value, 0) for name, value in values if name not in _SHARED_NAMES]
        layouts = list(self.tensors.values())
        for port in (*self.inputs, *self.outputs):
            numbers.append(("a port's offset", port.offset, 0))
            layouts.append(port.layout)
        for layout in layouts:
            values = vars(layout).items()
            numbers += [(f"a layout's {name}", value, 1) for name, value in values if name != "int32"]
            if layout.int32 not in (False, True):
                raise ValueError(f"a layout's int32 is {_shown(layout.int32)}, but must be true or false")
        for name, value, least in numbers:
            if not isinstance(value, int) or not least <= value <= _MOST:
                raise ValueError(f"{name} is {_shown(value)}, but must be a whole number from {least} to 2**48")
        named = {observation.tensor for observation in self.observations} | {layer.tensor for layer in self.layers}
        named |= {name for shared in self.shared for name in (shared.tensor, shared.source)}
        if missing := sorted(str(name) for name in named if name not in self.tensors):
            raise ValueError(f"program.json has no tensor {_shown(missing[0])}, which it writes")
        for shared in self.shared:
            here, there = self.tensors[shared.tensor], self.tensors[shared.source]
            sides = (there.height, there.width, False)
            if (here.height, here.width, here.int32 or there.int32) != sides or (
                shared.first + shared.channels > here.channels or shared.source_first + shared.channels > there.channels
            ):
                raise ValueError(f"{shared.tensor!r} cannot share {shared.channels} channels with {shared.source!r}")


def _shown(value: object) -> str:
    """For a message, which has room for so much."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
