"""The memories the units share: the activation memory and the windows of the bus side."""

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.emulator.ordering import AccessLog, Work
from tcugen.emulator.step import Step
from tcugen.isa import ACTIVATION_ADDRESS_BITS, WRITABLE_WINDOWS, Window
from tcugen.program import Program

ADDRESS_MASK = (1 << ACTIVATION_ADDRESS_BITS) - 1
"""Activation addresses are taken modulo 2**24."""


class ActivationMemory:
    """Activation memory of `size` bytes with words of `rows` bytes; every access is checked and logged.

    Args:
        fill: Byte that every address holds before a run; a right program's results do not depend on it.
    """

    def __init__(self, architecture: Architecture, fill: int):
        self.size = architecture.activation_bytes
        self.rows = architecture.rows
        # Reads whose first or last bytes are padding may start before or end beyond the memory: one guard word each.
        self._guarded = np.full(self.size + 2 * self.rows, fill, np.uint8)
        self.bytes = self._guarded[self.rows : self.rows + self.size]
        self._windows = np.ndarray(
            self.size + self.rows + 1, np.dtype((np.void, self.rows)), buffer=self._guarded, strides=(1,)
        )
        self.log = AccessLog(self.size)

    def check(self, step: Step, field: str, addresses: NDArray[np.int64], lengths: NDArray[np.int64] | int = 1) -> None:
        """Raises EmulationError unless address .. address + length - 1 is inside the memory, for every element."""
        ends = addresses + lengths
        if ends.size and (highest := int(ends.max())) > self.size:
            raise step.error(
                field,
                f"byte address 0x{highest - 1:06x} is outside the activation memory of {self.size} bytes "
                f"(architecture.activation_kib {self.size // 1024})",
            )

    def read_words(self, starts: NDArray[np.int64]) -> NDArray[np.uint8]:
        """uint8 [..., rows] from any byte address -rows .. size, unchecked: guard bytes have no meaning."""
        return self._windows[starts + self.rows].view(np.uint8).reshape(*starts.shape, self.rows)

    def read(self, work: Work, field: str, addresses: NDArray[np.int64]) -> NDArray[np.uint8]:
        """uint8 of the shape of `addresses`, which are 0 .. 2**24 - 1."""
        self.check(work.step, field, addresses)
        self.log.read(work, addresses)
        return self.bytes[addresses]

    def write(self, work: Work, field: str, addresses: NDArray[np.int64], values: NDArray[np.uint8]) -> None:
        """Store uint8 `values` at `addresses`, two arrays of one shape."""
        self.check(work.step, field, addresses)
        self.log.write(work, addresses)
        self.bytes[addresses] = values


class Windows:
    """Memory on the bus side: one uint8 array per window, every access checked against it."""

    def __init__(self, program: Program):
        self.bytes: dict[Window, NDArray[np.uint8]] = {
            Window.PROGRAM: np.frombuffer(program.code, np.uint8),
            Window.WEIGHTS: program.weights,
            Window.INPUT: np.zeros(program.input_bytes, np.uint8),
            Window.OUTPUT: np.zeros(program.output_bytes, np.uint8),
            Window.SCRATCH: np.zeros(program.scratch_bytes, np.uint8),
        }
        self._logs = {window: AccessLog(len(self.bytes[window])) for window in WRITABLE_WINDOWS}

    def _range(self, step: Step, window: Window, offset: int, length: int) -> slice:
        size = len(self.bytes[window])
        if offset + length > size:
            raise step.error(
                "offset", f"bytes {offset} .. {offset + length - 1} leave window {window.name} of {size} bytes"
            )
        return slice(offset, offset + length)

    def fetch(self, step: Step, window: Window, offset: int, length: int) -> NDArray[np.uint8]:
        """uint8 [length] of a window the machine never writes."""
        return self.bytes[window][self._range(step, window, offset, length)]

    def read(self, work: Work, window: Window, offset: int, length: int) -> NDArray[np.uint8]:
        where = self._range(work.step, window, offset, length)
        if window in self._logs:
            self._logs[window].read(work, where)
        return self.bytes[window][where]

    def write(self, work: Work, window: Window, offset: int, values: NDArray[np.uint8]) -> None:
        where = self._range(work.step, window, offset, len(values))
        if window not in self._logs:
            writable = " and ".join(window.name for window in WRITABLE_WINDOWS)
            raise work.step.error("window", f"the machine writes {writable} only, not {window.name}")
        self._logs[window].write(work, where)
        self.bytes[window][where] = values
