"""The queue in front of a unit: an instruction leaves it once what it waits for is done."""

from collections.abc import Mapping

from tcugen.arch import QUEUE_DEPTH
from tcugen.isa import Instruction, Unit
from tcugen.timing.completions import Agenda, Completions, Wake
from tcugen.timing.latencies import DONE_TO_JUDGED, QUEUE_LATENCY

_WAITS = tuple((unit, f"wait_{unit.name.lower()}") for unit in Unit)


class InstructionQueue:
    """One unit's instructions, in order, and the cycles in which they pass.

    Attributes:
        entered: When each instruction was dispatched.
        present: When each came to the gate; known for those that left and the next.
        left: How many have left.
    """

    def __init__(self, completions: Mapping[Unit, Completions], agenda: Agenda) -> None:
        self.entered: list[int] = []
        self.present: list[int] = []
        self.left = 0
        self.reached: list[tuple[Unit, int]] = []
        self.wake: Wake = lambda: None
        self.blocked_dispatch: Wake | None = None
        self._completions = completions
        self._agenda = agenda
        self._instructions: list[Instruction] = []
        self._last_left = -1
        self._offered: int | None = None
        self._blocked = False  # what it waits for is not known yet

    def room(self, dispatch: Wake) -> int | None:
        """Cycle from which the next instruction is accepted; None if not known yet, then `dispatch` is called."""
        number = len(self.entered) - QUEUE_DEPTH
        if number < 0:
            return 0
        if number < len(self.present):
            return self.present[number]
        self.blocked_dispatch = dispatch
        return None

    def put(self, instruction: Instruction, cycle: int) -> None:
        """`instruction` enters in `cycle`."""
        self._instructions.append(instruction)
        self.entered.append(cycle)
        if len(self.entered) == self.left + 1:
            self._come_to_gate()
            self._agenda.pending.append(self.wake)

    def offered(self) -> int | None:
        """First cycle in which the oldest instruction can leave; None if that is not known yet."""
        if self._offered is not None or self._blocked or self.left == len(self.entered):
            return self._offered
        fields = self._instructions[self.left].fields
        offered = self.present[self.left] + 1
        reached: list[tuple[Unit, int]] = []
        for unit, name in _WAITS:
            count = fields.get(name, 0)
            if count:
                cycle = self._completions[unit].when(count, self._unblock)
                if cycle is None:
                    self._blocked = True
                    return None
                reached.append((unit, cycle))
                offered = max(offered, cycle + DONE_TO_JUDGED)
        self.reached = reached
        self._offered = offered
        return offered

    @property
    def head(self) -> Instruction:
        """The oldest instruction."""
        return self._instructions[self.left]

    def take(self, cycle: int) -> Instruction:
        """The oldest instruction leaves in `cycle`, at or after `offered`."""
        instruction = self._instructions[self.left]
        self.left += 1
        self._last_left = cycle
        self._offered = None
        if self.left < len(self.entered):
            self._come_to_gate()
        return instruction

    def _unblock(self) -> None:
        self._blocked = False
        self.wake()

    def _come_to_gate(self) -> None:
        self.present.append(max(self.entered[self.left] + QUEUE_LATENCY, self._last_left + 1))
        if self.blocked_dispatch is not None:
            self._agenda.pending.append(self.blocked_dispatch)
            self.blocked_dispatch = None
