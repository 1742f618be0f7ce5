"""The emulator: executes a compiled program without RTL, in NumPy integers."""

from tcugen.emulator.machine import Machine
from tcugen.emulator.step import EmulationError

__all__ = ["EmulationError", "Machine"]
