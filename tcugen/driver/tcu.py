"""Driver of the tensor compute unit in Python: the calls of tcu.h, for PYNQ, for UIO and for the simulated machine.

SPDX-License-Identifier: MIT-0

Needs NumPy only and reads what a build wrote: `driver/tcu.json`, `program/program.json`, `program/quantization.json`,
`program/program.bin`, `program/weights.bin`. Runs on Python 3.8, which boards still have.

    network = Network.read("rtl_out/mine")
    tcu = Tcu(network, MMIO(0x43C00000, 0x1000), PynqMemory())     # PYNQ: MMIO from pynq
    tcu = Tcu(network, UioRegisters("/dev/uio0"), DmaBufMemory("/dev/udmabuf0"), wait=UioInterrupt("/dev/uio0").wait)
    tcu.setup()
    print(tcu.classify(image))
"""

from __future__ import annotations

import importlib
import json
import mmap
import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PAGE_BYTES = 4096
WATCHDOG_CYCLES = 100_000
_MOST_POLLS = 1_000_000
_RESET_FIRST = ("BUS_HUNG", "READ_LAST")  # memory may still owe answers, and a start would be refused


class TcuError(RuntimeError):
    """A call failed. `name` is that of an error code of the machine, or of a refusal of the driver; what `address` is
    depends on the code, as tcu.h says beside each: a byte address, an offset in PROGRAM, the number of a window."""

    def __init__(self, text: str, address: int = 0):
        super().__init__(text)
        self.name = text.split(":")[0]
        self.address = address


class Tensor:
    """One tensor of window INPUT or OUTPUT; the layout is explained in tcu.h.

    Attributes:
        name: As in the network.
        shape: (channels, height, width).
        int32: Holds 32-bit sums; int8 otherwise.
        scale, zero_point: int8: real value = scale * (element - zero_point).
        sum_scales, limits: 32-bit sums: real value = sum_scales[channel] * sum, within limits.
    """

    def __init__(self, port: dict[str, Any], quantization: dict[str, Any]):
        layout = port["layout"]
        self.name: str = port["tensor"]
        self.offset: int = port["offset"]
        self.shape = (layout["channels"], layout["height"], layout["width"])
        self.int32: bool = layout["int32"]
        self.scale = None if quantization["scale"] is None else np.float32(quantization["scale"])
        self.zero_point: int | None = quantization["zero_point"]
        self.sum_scales: list[float] | None = quantization["sum_scales"]
        low, high = quantization["limits"]
        self.limits = (-np.inf if low is None else low, np.inf if high is None else high)
        c, y, x = np.ogrid[: self.shape[0], : self.shape[1], : self.shape[2]]
        word = layout["word"]
        plane = c // word * layout["plane_bytes"] + c % word
        self._indices = self.offset + plane + y * layout["row_bytes"] + x * layout["pixel_bytes"]
        self._byte_step: int = -(-self.shape[0] // word) * layout["plane_bytes"]
        self.bytes: int = self._byte_step * (4 if self.int32 else 1)

    def quantize(self, image: Any) -> Any:
        """Real values as int8: clamp(rint(x / scale) + zero_point), single precision, ties to even."""
        image = np.asarray(image, np.float32)
        if not np.isfinite(image).all():
            raise TcuError("NOT_FINITE: an image holds a value that is no number; prepare it again")
        with np.errstate(over="ignore"):
            steps = np.rint(image / self.scale).astype(np.float64)
        return np.clip(steps + self.zero_point, -128, 127).astype(np.int8)

    def write(self, image: Any, window: Any) -> None:
        """Put [channels, height, width] into `window`, uint8 [bytes]: floats are quantized, int8 stays, uint8 is int8
        less 128."""
        image = np.asarray(image)
        if image.shape != self.shape or self.int32:
            raise TcuError(f"BAD_ARGUMENT: {self.name} is {self.shape}, but the image is {image.shape}")
        if image.dtype.kind in "iub" and image.dtype not in (np.int8, np.uint8):
            raise TcuError(f"BAD_ARGUMENT: an image of {image.dtype}; give floats, int8 or uint8")
        if image.dtype == np.uint8:
            image = (image ^ 128).view(np.int8)
        elif image.dtype != np.int8:
            image = self.quantize(image)
        window[self.offset : self.offset + self.bytes] = 0
        window[self._indices] = image.view(np.uint8)

    def read(self, window: Any) -> Any:
        """The integers in `window`, uint8 [bytes]: int8 or int32 [channels, height, width]."""
        if not self.int32:
            return window[self._indices].view(np.int8)
        parts = [window[self._indices + k * self._byte_step].astype(np.uint32) << np.uint32(8 * k) for k in range(4)]
        return (parts[0] | parts[1] | parts[2] | parts[3]).view(np.int32)

    def real(self, integers: Any) -> Any:
        """What integers stand for: float32 of int8, float64 of 32-bit sums."""
        if self.sum_scales is None:
            return (integers.astype(np.float32) - np.float32(self.zero_point)) * self.scale
        real = integers * np.reshape(np.array(self.sum_scales), (-1, 1, 1))
        return np.minimum(np.maximum(real, self.limits[0]), self.limits[1])


class Network(NamedTuple):
    """A compiled network and the tables of its machine, as a build has them."""

    name: str
    tables: dict[str, Any]
    inputs: list[Tensor]
    outputs: list[Tensor]
    layers: list[str]
    classes: list[str] | None
    sizes: dict[str, int]
    program: bytes
    weights: bytes

    @classmethod
    def read(cls, build: str | Path) -> Network:
        """From the folder of a build."""
        build = Path(build)
        manifest = json.loads((build / "program" / "program.json").read_text())
        quantization = json.loads((build / "program" / "quantization.json").read_text())
        program, weights = (build / "program" / name for name in ("program.bin", "weights.bin"))
        sizes = {name.upper(): manifest[name + "_bytes"] for name in ("input", "output", "scratch")}
        sizes["PROGRAM"], sizes["WEIGHTS"] = program.stat().st_size, weights.stat().st_size
        return cls(
            name=manifest["network"],
            tables=json.loads((build / "driver" / "tcu.json").read_text()),
            inputs=[Tensor(*pair) for pair in zip(manifest["inputs"], quantization["inputs"])],
            outputs=[Tensor(*pair) for pair in zip(manifest["outputs"], quantization["outputs"])],
            layers=[layer["tensor"] for layer in manifest["layers"]],
            classes=quantization["classes"],
            sizes=sizes,
            program=program.read_bytes(),
            weights=weights.read_bytes(),
        )


class Tcu:
    """One machine.

    Args:
        network: What it is to run.
        registers: Has `read(offset)` and `write(offset, value)`, 32 bits each, as MMIO of PYNQ.
        memory: Has `allocate(bytes)`, which gives buffers with `address` (on the bus), `array` (uint8), `flush()` and
            `invalidate()`.
        wait: Sleeps until the interrupt; may return early. None: poll.
        max_polls: Looks at STATUS after which a run is given up; 0: never.
    """

    def __init__(
        self,
        network: Network,
        registers: Any,
        memory: Any,
        wait: Callable[[], None] | None = None,
        max_polls: int = 0,
    ):
        self.network, self.registers, self.memory = network, registers, memory
        self.wait, self.max_polls = wait, max_polls
        self.buffers: dict[str, Any] = {}
        self._started = False
        self._own_output = True
        tables = network.tables
        self._addresses: dict[str, int] = tables["registers"]
        self._control = {name: 1 << bit for name, bit in tables["control_bits"].items()}
        self._status = {name: 1 << bit for name, bit in tables["status_bits"].items()}

    def read_register(self, name: str) -> int:
        """One register by its name."""
        return int(self.registers.read(self._addresses[name]))

    def write_register(self, name: str, value: int) -> None:
        """One register by its name."""
        self.registers.write(self._addresses[name], value)

    def _read_wide(self, name: str) -> int:
        return self.read_register(name + "_HIGH") << 32 | self.read_register(name + "_LOW")

    def setup(self, watchdog: int = WATCHDOG_CYCLES) -> None:
        """Look for the machine, bring it to rest, load the program and set what holds for all runs.

        Memory is allocated at the first call. `watchdog` is in cycles of silence on the bus; 0: never.
        """
        tables, network = self.network.tables, self.network
        if self.read_register("IDENTIFICATION") != tables["identification"]:
            raise self._refusal("NO_MACHINE")
        for name in ("architecture", "instruction_set"):
            if self.read_register(name.upper()) != tables[name]:
                raise self._refusal("OTHER_MACHINE")
        self._started = False
        self.soft_reset()
        if not self.buffers:
            self.buffers = {name: self.memory.allocate(max(size, 1)) for name, size in network.sizes.items()}
        for name, content in (("PROGRAM", network.program), ("WEIGHTS", network.weights)):
            self.buffers[name].array[: len(content)] = np.frombuffer(content, np.uint8)
            self.buffers[name].flush()
        for name, buffer in self.buffers.items():
            self._set_window(name, buffer.address)
        self.write_register("WATCHDOG", watchdog)
        self.write_register("INTERRUPT_ENABLE", int(self.wait is not None))

    def _set_window(self, name: str, address: int) -> None:
        if address % PAGE_BYTES or address >> self.network.tables["bus_address_bits"]:
            raise self._refusal("BAD_ADDRESS")
        self.write_register(name + "_BASE_LOW", address & 0xFFFFFFFF)
        self.write_register(name + "_BASE_HIGH", address >> 32)
        self.write_register(name + "_SIZE", self.network.sizes[name])

    def run(self, input_address: int | None = None, output_address: int | None = None) -> None:
        """One image, from start to end; in the buffers of `setup`, or at addresses whose caches are the caller's."""
        self.start(input_address, output_address)
        polls = 0
        while self.is_busy():
            polls += 1
            if self.max_polls and polls >= self.max_polls:
                raise self._refusal("TIMEOUT")
            if self.wait:
                self.wait()
        self.finish()

    def start(self, input_address: int | None = None, output_address: int | None = None) -> None:
        """Start a run and return; after an error that asks for it, a soft reset comes first."""
        if self.is_busy():
            raise self._refusal("BUSY")
        failed = self.read_register("STATUS") & self._status["ERROR"]
        if failed and self.error_text(self.read_register("ERROR_CODE")).split(":")[0] in _RESET_FIRST:
            self.soft_reset()
        for name, address in (("INPUT", input_address), ("OUTPUT", output_address)):
            self._set_window(name, self.buffers[name].address if address is None else address)
        looking = 1 << len(self.network.tables["window_flaws"])
        for _ in range(_MOST_POLLS):
            flaws = self.read_register("WINDOWS")
            if not flaws & looking:
                break
        else:
            raise self._refusal("TIMEOUT")
        for name, bit in self.network.tables["window_flaws"].items():
            if flaws >> bit & 1:
                raise self._refusal(f"WINDOWS_{name}")
        if input_address is None:
            self.buffers["INPUT"].flush()
        # No dirty line may be written back over what the machine writes.
        if output_address is None:
            self.buffers["OUTPUT"].flush()
        self.buffers["SCRATCH"].flush()
        self._started, self._own_output = True, output_address is None
        self.write_register("CONTROL", self._control["START"])

    def is_busy(self) -> bool:
        """Whether a run is under way."""
        return bool(self.read_register("STATUS") & self._status["BUSY"])

    def finish(self) -> None:
        """Take the end of a run: clear the interrupt; raise TcuError if the machine stopped with an error."""
        status = self.read_register("STATUS")
        if status & self._status["BUSY"]:
            raise self._refusal("BUSY")
        if not self._started or not status & (self._status["DONE"] | self._status["ERROR"]):
            raise self._refusal("NO_RUN")
        self._started = False
        self.write_register("CONTROL", self._control["CLEAR_INTERRUPT"])
        if status & self._status["ERROR"]:
            raise TcuError(self.error_text(self.read_register("ERROR_CODE")), self._read_wide("ERROR_ADDRESS"))
        if self._own_output:
            self.buffers["OUTPUT"].invalidate()

    def soft_reset(self) -> None:
        """Back to rest from any state; windows and watchdog stay."""
        self.write_register("CONTROL", self._control["SOFT_RESET"])
        for _ in range(_MOST_POLLS):
            status = self.read_register("STATUS")
            if status & self._status["ERROR"]:
                raise TcuError(self.error_text(self.read_register("ERROR_CODE")))
            if not status & self._status["BUSY"]:
                return
        raise self._refusal("TIMEOUT")

    def error_text(self, result: int) -> str:
        """What an error code of the machine means, or one of the numbers that the driver in C returns."""
        return self.network.tables["results"].get(str(result), f"UNKNOWN: no call returns {result}")

    def _refusal(self, name: str) -> TcuError:
        texts = self.network.tables["results"].values()
        return TcuError(next(text for text in texts if text.startswith(f"{name}:")))

    def counters(self) -> dict[str, int]:
        """Counters of the last run."""
        return {name: self._read_wide(name) for name in self.network.tables["counters"]}

    def layer_counters(self, layer: int) -> dict[str, int]:
        """Counters of one layer of the last run."""
        if not 0 <= layer < len(self.network.layers):
            raise TcuError(f"BAD_ARGUMENT: layer {layer}, but there are {len(self.network.layers)}")
        self.write_register("LAYER_SELECT", layer)
        return {name: self.read_register("LAYER_" + name) for name in self.network.tables["layer_counters"]}

    def infer(self, *images: Any) -> dict[str, Any]:
        """Run one image per input, [channels, height, width] each; integers by name of output."""
        if len(images) != len(self.network.inputs):
            raise TcuError(f"BAD_ARGUMENT: {len(images)} images, but {len(self.network.inputs)} inputs")
        window = self.buffers["INPUT"].array
        for tensor, image in zip(self.network.inputs, images):
            tensor.write(image, window)
        self.run()
        window = self.buffers["OUTPUT"].array
        return {tensor.name: tensor.read(window) for tensor in self.network.outputs}

    def top1(self, outputs: dict[str, Any]) -> int:
        """The channel with the largest real value in the first pixel of the first output; of equals, the first."""
        tensor = self.network.outputs[0]
        return int(np.argmax(tensor.real(outputs[tensor.name])[:, 0, 0]))

    def classify(self, *images: Any) -> int | str:
        """The class that an image is found to be in: its name where names are known, else its number."""
        found = self.top1(self.infer(*images))
        return found if self.network.classes is None else self.network.classes[found]


class UioRegisters:
    """Registers through a UIO device (or /dev/mem with `offset`): 32-bit loads and stores of mapped memory."""

    def __init__(self, path: str, size: int = PAGE_BYTES, offset: int = 0):
        with os.fdopen(os.open(path, os.O_RDWR | os.O_SYNC), "r+b", 0) as file:
            access = mmap.PROT_READ | mmap.PROT_WRITE
            self._map = mmap.mmap(file.fileno(), size, mmap.MAP_SHARED, access, offset=offset)
        self._words = np.frombuffer(self._map, np.uint32)

    def read(self, offset: int) -> int:
        """The register at a byte offset."""
        return int(self._words[offset // 4])

    def write(self, offset: int, value: int) -> None:
        """The register at a byte offset."""
        self._words[offset // 4] = value


class UioInterrupt:
    """The interrupt through a UIO device: the kernel masks it when it comes, a write unmasks it again."""

    def __init__(self, path: str, timeout_seconds: float = 1.0):
        self._file = os.open(path, os.O_RDWR)
        self._timeout = timeout_seconds

    def wait(self) -> None:
        """Sleep until the interrupt, or until the timeout; the caller looks at STATUS."""
        os.write(self._file, (1).to_bytes(4, "little"))
        if select.select([self._file], [], [], self._timeout)[0]:
            os.read(self._file, 4)


class Buffer:
    """Memory that machine and processor both see without caches: `address` on the bus, `array` uint8."""

    def __init__(self, address: int, array: Any):
        self.address, self.array = address, array

    def flush(self) -> None:
        """Nothing to do: memory is coherent."""

    def invalidate(self) -> None:
        """Nothing to do: memory is coherent."""


class DmaBufMemory:
    """Memory of the kernel module u-dma-buf, opened without caches: buffers are cut from it one after the other."""

    def __init__(self, path: str = "/dev/udmabuf0", attributes_of: str = "/sys/class/u-dma-buf"):
        attributes = Path(attributes_of) / Path(path).name
        self._base, size = int((attributes / "phys_addr").read_text(), 16), int((attributes / "size").read_text())
        with os.fdopen(os.open(path, os.O_RDWR | os.O_SYNC), "r+b", 0) as file:
            self._array = np.frombuffer(mmap.mmap(file.fileno(), size), np.uint8)
        self._used = -self._base % PAGE_BYTES

    def allocate(self, size: int) -> Buffer:
        """`size` bytes on pages of their own."""
        start = self._used
        self._used += -(-size // PAGE_BYTES) * PAGE_BYTES
        if self._used > len(self._array):
            raise TcuError(f"NO_MEMORY: the buffer has {len(self._array)} bytes, but {self._used} are needed")
        return Buffer(self._base + start, self._array[start : start + size])


class PynqMemory:
    """Memory of PYNQ's `allocate`, cached; `flush` and `invalidate` are PYNQ's own."""

    def allocate(self, size: int) -> Any:
        """`size` bytes on pages of their own."""
        allocate: Any = importlib.import_module("pynq").allocate  # is on the board only
        buffer: Any = allocate(shape=(-(-size // PAGE_BYTES) * PAGE_BYTES,), dtype=np.uint8)
        buffer.array, buffer.address = buffer, buffer.device_address
        return buffer
