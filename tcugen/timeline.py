"""When each unit had which instruction: what a replay predicts and what a run shows, in one form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tcugen.isa import Instruction, Opcode

UNITS = {
    Opcode.WEIGHT: "weight stream",
    Opcode.LOAD: "load",
    Opcode.COMPUTE: "array",
    Opcode.DRAIN: "output stage",
    Opcode.POOL: "pool",
    Opcode.STORE: "store",
}
"""Units by the instruction that they execute, in the order in which data passes them."""


@dataclass(frozen=True, slots=True)
class Span:
    """One instruction in its unit, from when the unit took it until it was done with it.

    Attributes:
        opcode: Which unit, see UNITS.
        instruction: Its number in the program.
        layer: Its layer number.
        start, end: Cycles as the machine counts them, the first is 0; `end` is not in it.
    """

    opcode: Opcode
    instruction: int
    layer: int
    start: int
    end: int


def spans_of(
    instructions: Sequence[Instruction], by_opcode: Mapping[Opcode, Sequence[tuple[int, int]]]
) -> tuple[Span, ...]:
    """Spans in program order. Every unit executes its instructions in program order, so that the n-th times of an
    opcode are those of its n-th instruction.

    Args:
        instructions: The program.
        by_opcode: (start, end) of each instruction that ran, in program order.

    Raises:
        ValueError: If there are times for more instructions than the program has.
    """
    numbers: dict[Opcode, list[int]] = {opcode: [] for opcode in UNITS}
    for number, instruction in enumerate(instructions):
        if instruction.opcode in numbers:
            numbers[instruction.opcode].append(number)
    spans: list[Span] = []
    for opcode, times in by_opcode.items():
        if len(times) > len(numbers[opcode]):
            raise ValueError(
                f"{len(times)} {opcode.name} instructions ran, but the program has {len(numbers[opcode])}; "
                "the times are of another program"
            )
        spans += [
            Span(opcode, number, instructions[number].fields.get("layer", 0), start, end)
            for number, (start, end) in zip(numbers[opcode], times, strict=False)
        ]
    return tuple(sorted(spans, key=lambda span: span.instruction))
