"""The memory on the machine's AXI4 master: the host's windows and nothing else, answered by cocotbext-axi."""

from collections.abc import Mapping
from typing import Any

from cocotbext.axi import AxiBus, AxiSlave

from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.simulator.memory_image import Area


class OutsideWindow(Exception):
    """An access to an address that no window holds; the slave answers it with SLVERR."""


class ErrorRequested(Exception):
    """An access to an address that the bench wants to fail; the slave answers it with SLVERR."""


class WindowMemory:
    """Contents of the windows, target of an `AxiSlave`.

    Attributes:
        contents: Bytes by window.
        failing_reads, failing_writes: Beat addresses to be answered with SLVERR.
        violations: One line per access outside the windows, or write into a window that is not writable.
    """

    def __init__(self, areas: Mapping[Window, Area]):
        self.areas = dict(areas)
        self.contents = {window: bytearray(area.size) for window, area in areas.items()}
        self.failing_reads: set[int] = set()
        self.failing_writes: set[int] = set()
        self.violations: list[str] = []

    def window_of(self, address: int, length: int) -> Window | None:
        """The window that holds all of `length` bytes from `address`."""
        for window, area in self.areas.items():
            if area.base <= address and address + length <= area.base + area.size:
                return window
        return None

    async def read(self, address: int, length: int) -> bytes:
        if address in self.failing_reads:
            raise ErrorRequested
        window = self._checked(address, length, "read")
        offset = address - self.areas[window].base
        return bytes(self.contents[window][offset : offset + length])

    async def write(self, address: int, data: bytes) -> None:
        if address in self.failing_writes:
            raise ErrorRequested
        window = self._checked(address, len(data), "write")
        if window not in WRITABLE_WINDOWS:
            self.violations.append(f"write of {len(data)} bytes at 0x{address:x} in window {window.name}")
            raise OutsideWindow
        offset = address - self.areas[window].base
        self.contents[window][offset : offset + len(data)] = data

    def _checked(self, address: int, length: int, kind: str) -> Window:
        window = self.window_of(address, length)
        if window is None:
            self.violations.append(f"{kind} of {length} bytes at 0x{address:x} outside all windows")
            raise OutsideWindow
        return window


def axi_slave(dut: Any, bus: AxiBus, memory: WindowMemory) -> AxiSlave:
    """An AXI4 slave on `bus` that answers from `memory`, in order."""
    return AxiSlave(bus, dut.aclk, dut.aresetn, target=memory, reset_active_level=False)
