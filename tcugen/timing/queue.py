"""The queue in front of a unit: an instruction leaves it once what it waits for is done."""

from collections.abc import Mapping

from tcugen.arch import QUEUE_DEPTH
from tcugen.isa import OWN_BIT, Instruction, Opcode, Unit, hardware_layout
from tcugen.timing.completions import Agenda, Completions, Wake
from tcugen.timing.latencies import (
    CHOICE_TO_BODY,
    CHOICE_TO_HEADER,
    DONE_TO_JUDGED,
    IN_PLACE,
    WORD_BYTES,
    WRITE_TO_CHOICE,
)

_WAITS = tuple((unit, f"wait_{unit.name.lower()}") for unit in Unit)


def used_words(opcode: Opcode, options: frozenset[str]) -> int:
    """Words of an instruction, up to the last that holds a field in a machine with these `Architecture.options`."""
    bits = max(placed.offset + placed.field.bits for placed in hardware_layout(opcode, options).values())
    return -(-bits // (8 * WORD_BYTES))


HEADER_WORDS = OWN_BIT // (8 * WORD_BYTES)


class InstructionQueue:
    """One unit's instructions, in order, and the cycles in which they pass.

    All queues share one memory; that one waits while words of another are read is left out, as it is rare.

    Attributes:
        words: Cycles in which an instruction is written.
        entered: When the first word of each instruction was written.
        present: When the header of each came to the gate; known for those that left and the next.
        left: How many have left.
    """

    def __init__(
        self,
        opcode: Opcode,
        completions: Mapping[Unit, Completions],
        agenda: Agenda,
        options: frozenset[str] = frozenset(),
    ) -> None:
        self.words = used_words(opcode, options)
        self.entered: list[int] = []
        self.present: list[int] = []
        self._in_place = opcode in IN_PLACE
        self._loaded: list[int] = []  # when the body of each came to the gate
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
        if number < len(self._loaded):
            return self._loaded[number] - 2
        self.blocked_dispatch = dispatch
        return None

    def put(self, instruction: Instruction, cycle: int) -> None:
        """The first word of `instruction` is written in `cycle`."""
        self._instructions.append(instruction)
        self.entered.append(cycle)
        if len(self.entered) == self.left + 1:
            self._come_to_gate()
            self._agenda.pending.append(self.wake)

    def offered(self, ready: int = 0) -> int | None:
        """First cycle in which the oldest instruction can leave; None if that is not known yet.

        Args:
            ready: Cycle from which the unit is ready for it; looked at for opcodes IN_PLACE.
        """
        if self._offered is not None or self._blocked or self.left == len(self.entered):
            return self._offered
        if len(self._loaded) == self.left:
            self._load(ready)
        fields = self._instructions[self.left].fields
        offered = max(self.present[self.left] + 1, self._loaded[self.left])
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
        self.present.append(self._choice() + CHOICE_TO_HEADER)
        if not self._in_place:
            self._load(0)

    def _choice(self) -> int:
        """When words of the oldest instruction can be read first."""
        return max(self.entered[self.left] + WRITE_TO_CHOICE, self._last_left + 1)

    def _load(self, ready: int) -> None:
        """The body comes: along with the header if the unit is ready by then."""
        choice = self._choice()
        words = self.words
        if ready > choice:
            choice = max(ready, self.present[self.left])
            words -= HEADER_WORDS
        self._loaded.append(choice + words + CHOICE_TO_BODY)
        if self.blocked_dispatch is not None:
            self._agenda.pending.append(self.blocked_dispatch)
            self.blocked_dispatch = None
