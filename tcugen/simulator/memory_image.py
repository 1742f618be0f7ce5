"""The simulated memory: one sparse file that holds the program's windows, each on a page of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import PAGE_BYTES, Architecture
from tcugen.isa import Window
from tcugen.program import Port, Program, Tensor


@dataclass(frozen=True)
class Area:
    """`size` bytes of memory from address `base`."""

    base: int
    size: int


@dataclass(frozen=True)
class MemoryImage:
    """Where everything stands in memory; all images share program, weights and scratch.

    Attributes:
        base: Address of the first byte of the file.
        size: Bytes of the file.
        shared: Areas of windows PROGRAM, WEIGHTS and SCRATCH.
        inputs, outputs: Areas of windows INPUT and OUTPUT, per image.
    """

    base: int
    size: int
    shared: Mapping[Window, Area]
    inputs: tuple[Area, ...]
    outputs: tuple[Area, ...]


def place(program: Program, images: int) -> MemoryImage:
    """Lays out memory for `images` images: page-aligned areas with an unused page after each."""
    base = memory_base(program.architecture)
    end = base + PAGE_BYTES

    def area(size: int) -> Area:
        nonlocal end
        start = end
        end += -(-size // PAGE_BYTES) * PAGE_BYTES + PAGE_BYTES
        return Area(start, size)

    shared = {
        Window.PROGRAM: area(len(program.code)),
        Window.WEIGHTS: area(program.weights.size),
        Window.SCRATCH: area(program.scratch_bytes),
    }
    inputs = tuple(area(program.input_bytes) for _ in range(images))
    outputs = tuple(area(program.output_bytes) for _ in range(images))
    return MemoryImage(base, end - base, shared, inputs, outputs)


def memory_base(architecture: Architecture) -> int:
    """First address of memory: above 4 GiB where addresses allow it, so that their high halves are exercised too."""
    return 1 << 32 if architecture.bus_address_bits > 33 else 0


def write(image: MemoryImage, program: Program, inputs: Sequence[Mapping[str, NDArray[Any]]], path: Path) -> None:
    """Writes the file: program, weights and the packed inputs (int8 [C, H, W] by tensor name), zeros elsewhere.

    Raises:
        ValueError: If an image lacks an input, has an unknown one or one of the wrong shape or dtype.
    """
    with path.open("wb") as file:
        file.truncate(image.size)

        def put(area: Area, offset: int, data: bytes | memoryview) -> None:
            file.seek(area.base - image.base + offset)
            file.write(data)

        put(image.shared[Window.PROGRAM], 0, program.code)
        put(image.shared[Window.WEIGHTS], 0, np.ascontiguousarray(program.weights).data)
        for number, (area, tensors) in enumerate(zip(image.inputs, inputs, strict=True)):
            names = {port.tensor for port in program.inputs}
            if set(tensors) != names:
                raise ValueError(f"image {number} has inputs {sorted(tensors)}, but the program needs {sorted(names)}")
            for port in program.inputs:
                put(area, port.offset, _packed(port, tensors[port.tensor], number).data)


def _packed(port: Port, tensor: NDArray[Any], number: int) -> NDArray[np.uint8]:
    shape = (port.layout.channels, port.layout.height, port.layout.width)
    if tensor.dtype != np.int8 or tensor.shape != shape:
        raise ValueError(
            f"input {port.tensor!r} of image {number} is {tensor.dtype} {list(tensor.shape)}, "
            f"but it must be int8 {list(shape)}; quantise it first"
        )
    return port.layout.pack(tensor)


def read_outputs(image: MemoryImage, program: Program, number: int, path: Path) -> dict[str, Tensor]:
    """Output tensors of image `number` as they stand in the file: int8 or int32 [C, H, W] by name."""
    area = image.outputs[number]
    with path.open("rb") as file:
        file.seek(area.base - image.base)
        window = np.frombuffer(file.read(area.size), np.uint8)
    return {port.tensor: port.layout.unpack(window[port.offset :][: port.layout.bytes]) for port in program.outputs}
