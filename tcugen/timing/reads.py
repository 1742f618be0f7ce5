"""Which banks of the activation memory the array reads, cycle by cycle."""

from collections import deque

from tcugen.arch import ACTIVATION_BANKS, Architecture
from tcugen.isa import Instruction
from tcugen.timing.banks import operand_banks
from tcugen.timing.completions import NEVER


class ArrayReads:
    """The passes of the array, for units that come after it; kept only while such a unit has work to come.

    Attributes:
        wanted: Instructions to come, or under way, that look at the passes.
    """

    def __init__(self, architecture: Architecture, wanted: int) -> None:
        self._rows = architecture.rows
        self._round = ACTIVATION_BANKS * architecture.rows
        self.wanted = wanted
        self._passes: deque[tuple[int, int, bytes]] = deque()

    def add(self, start: int, address: int, rows: int, instruction: Instruction) -> None:
        """A pass of `rows` output rows reads its first operand in cycle `start`, at `address`."""
        get, modulus = instruction.fields.get, self._round
        n_x = get("n_x", 0)
        banks = operand_banks(
            self._rows, address % modulus, get("y_step", 0) % modulus, get("x_step", 0) % modulus, rows, n_x
        )
        self._passes.append((start, start + rows * n_x, banks))

    def at(self, cycle: int) -> tuple[int, int, bytes]:
        """The pass at work in `cycle`, or the next one: its first cycle, the cycle after its last, its banks.

        `cycle` must not fall from call to call.
        """
        passes = self._passes
        while passes and passes[0][1] <= cycle:
            passes.popleft()
        return passes[0] if passes else (NEVER, NEVER, b"")
