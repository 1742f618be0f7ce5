"""Test benches that run without tcugen: images, what must come of them, and a memory, as files of words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.emulator import Machine
from tcugen.export.build_folder import SOURCES, Build
from tcugen.isa import Window
from tcugen.program import Port, Program, Tensor
from tcugen.registers import BY_NAME, REGISTERS, ControlBit, StatusBit
from tcugen.simulator.memory_image import MemoryImage, place
from tcugen.simulator.run import default_cycle_limit

STATIC = ("tcu_tb.sv", "test_tcu.py", "Makefile", "ci.yml")
IMAGES = 2

Image = dict[str, NDArray[np.int8]]
"""int8 [C, H, W] by name of input."""


@dataclass(frozen=True)
class Expected:
    """Window OUTPUT of one image: its bytes, and 255 where they belong to an element."""

    content: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def random_images(program: Program, count: int = IMAGES, seed: int = 0) -> list[Image]:
    """Images of random int8, for programs whose numbers are known without a picture."""
    rng = np.random.default_rng(seed)

    def drawn(port: Port) -> NDArray[np.int8]:
        layout = port.layout
        return rng.integers(-128, 128, (layout.channels, layout.height, layout.width), dtype=np.int8)

    return [{port.tensor: drawn(port) for port in program.inputs} for _ in range(count)]


def testbench(build: Build, images: Sequence[Image]) -> dict[str, bytes]:
    """Files of the benches by name. What is expected of an image is the emulator's result, which shares no arithmetic
    with the Verilog.

    Raises:
        EmulationError: If the program breaks a rule.
    """
    program, place_of = build.program, place(build.program, len(images))
    machine = Machine(program)
    expected = [_expected(program, machine.run(image)) for image in images]
    static = {name: (files("tcugen.export") / "files" / name).read_bytes() for name in STATIC}
    bus_bytes = program.architecture.bus_bytes
    return {
        **static,
        **{name: build.files[name] for name in SOURCES},
        "tcu_tb_config.svh": _defines(program, place_of, len(images)).encode(),
        "testbench.json": (json.dumps(_config(program, place_of, len(images)), indent=1) + "\n").encode(),
        "memory.hex": _words(_memory(program, place_of, images), bus_bytes),
        "expected.hex": _words(np.concatenate([each.content for each in expected]), bus_bytes),
        "mask.hex": _words(np.concatenate([each.mask for each in expected]), bus_bytes),
    }


def _output_bytes(program: Program) -> int:
    """Of window OUTPUT, in whole words of the bus."""
    bus_bytes = program.architecture.bus_bytes
    return -(-program.output_bytes // bus_bytes) * bus_bytes


def _expected(program: Program, outputs: dict[str, Tensor]) -> Expected:
    content, mask = (np.zeros(_output_bytes(program), np.uint8) for _ in range(2))
    for port in program.outputs:
        tensor, layout = outputs[port.tensor], port.layout
        for byte in range(4 if layout.int32 else 1):
            part = (tensor >> 8 * byte).astype(np.int8) if layout.int32 else tensor.astype(np.int8)
            at = port.offset + byte * layout.byte_step + layout.byte_indices()
            content[at], mask[at] = part.view(np.uint8), 255
    return Expected(content, mask)


def _memory(program: Program, image: MemoryImage, images: Sequence[Image]) -> NDArray[np.uint8]:
    memory = np.zeros(image.size, np.uint8)

    def put(base: int, data: NDArray[np.uint8]) -> None:
        memory[base - image.base :][: data.size] = data

    put(image.shared[Window.PROGRAM].base, np.frombuffer(program.code, np.uint8))
    put(image.shared[Window.WEIGHTS].base, program.weights)
    for area, tensors in zip(image.inputs, images, strict=True):
        for port in program.inputs:
            put(area.base + port.offset, port.layout.pack(tensors[port.tensor]))
    return memory


def _words(data: NDArray[np.uint8], bus_bytes: int) -> bytes:
    rows = data.reshape(-1, bus_bytes)[:, ::-1]
    return b"".join(row.tobytes().hex().encode() + b"\n" for row in rows)


def _windows(program: Program, image: MemoryImage) -> dict[str, dict[str, int]]:
    """Base (memory begins at 0 here), size, and distance from image to image."""
    areas = {**image.shared, Window.INPUT: image.inputs[0], Window.OUTPUT: image.outputs[0]}
    several = {Window.INPUT: image.inputs, Window.OUTPUT: image.outputs}
    found: dict[str, dict[str, int]] = {}
    for window, area in areas.items():
        group = several.get(window, (area,))
        step = group[1].base - group[0].base if len(group) > 1 else 0
        size = _output_bytes(program) if window == Window.OUTPUT else area.size
        found[window.name] = {"base": area.base - image.base, "bytes": size, "step": step}
    return found


def _config(program: Program, image: MemoryImage, images: int) -> dict[str, Any]:
    return {
        "format": 1,
        "network": program.network,
        "images": images,
        "architecture": program.architecture.fingerprint,
        "memory_bytes": image.size,
        "max_cycles": default_cycle_limit(program),
        "windows": _windows(program, image),
        "registers": {register.name: register.address for register in REGISTERS},
        "control": {bit.name: 1 << bit for bit in ControlBit},
        "status_done": 1 << StatusBit.DONE,
    }


def _defines(program: Program, image: MemoryImage, images: int) -> str:
    architecture = program.architecture
    values = {
        "IMAGES": images,
        "BUS_BYTES": architecture.bus_bytes,
        "ADDRESS_BITS": architecture.bus_address_bits,
        "MEMORY_BYTES": image.size,
        "MAX_CYCLES": min(default_cycle_limit(program), 2**31 - 1),
    }
    for window, area in _windows(program, image).items():
        values |= {f"{window}_{key.upper()}": value for key, value in area.items()}
    values |= {f"CONTROL_{bit.name}": 1 << bit for bit in ControlBit}
    values["STATUS_DONE"] = 1 << StatusBit.DONE
    lines = [f"`define TB_{name} 32'd{value}" for name, value in values.items()]
    lines += [f"`define TB_ARCHITECTURE 32'h{architecture.fingerprint:08x}"]
    lines += [f"`define TB_REG_{name} 10'h{register.address:03x}" for name, register in BY_NAME.items()]
    return "\n".join(lines) + "\n"
