"""One instruction at its place in the program, and the error that names it."""

from dataclasses import dataclass
from typing import NamedTuple

from tcugen.isa import Instruction


class EmulationError(ValueError):
    """A program that the machine cannot execute as written.

    Attributes:
        instruction: Index of the instruction in fetch order; None where no single instruction is to blame.
        field: The field, register or tensor that breaks the rule.
    """

    def __init__(self, instruction: int | None, field: str, message: str):
        super().__init__(message)
        self.instruction = instruction
        self.field = field


@dataclass(frozen=True)
class Step:
    """Instruction number `index` of the program; `step["name"]` is the field's value."""

    index: int
    instruction: Instruction

    def __getitem__(self, name: str) -> int:
        return self.instruction[name]

    def __str__(self) -> str:
        return f"instruction {self.index} ({self.instruction.opcode.name}, layer {self['layer']})"

    def error(self, field: str, rule: str) -> EmulationError:
        """The error to raise: `rule` says what is wrong with `field`, and with which numbers."""
        return EmulationError(self.index, field, f"{self}, {field}: {rule}")

    def require_positive(self, *names: str) -> None:
        """Raises EmulationError if a loop count is 0."""
        for name in names:
            if self[name] < 1:
                raise self.error(name, "is 0, but a loop runs at least once; leave the instruction out instead")


class Blocked(NamedTuple):
    """What a unit yields while it cannot go on: the instruction, the field and what is missing."""

    step: Step
    field: str
    reason: str
