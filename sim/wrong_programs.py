"""Programs that are wrong in one place, for the checker of certificates to refuse."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tcugen.isa import OWN_FIELDS, SHARED_FIELDS, Field, Instruction, Unit
from tcugen.program import Program
from tcugen.program_format import WEIGHTS_HEADER_BYTES, seal_weights

WAITS = tuple(f"wait_{unit.name.lower()}" for unit in Unit)
LAYER = Field("layer", 12, "as in the header of every instruction")


@dataclass(frozen=True)
class Mutant:
    """A program that is wrong in one place: `what` says where. Its checksums are right."""

    kind: str
    what: str
    program: Program


def field_changed(program: Program, rng: np.random.Generator) -> Mutant | None:
    """One field of one instruction has another value."""
    index = _any_instruction(program, rng)
    one = program.instructions[index]
    fields = [*OWN_FIELDS[one.opcode], *SHARED_FIELDS[one.opcode], LAYER]
    field = fields[int(rng.integers(len(fields)))]
    low = -(1 << field.bits - 1) if field.signed else 0
    # One bit, or the next value, or any one.
    old = one[field.name]
    way = rng.integers(3)
    value = old ^ 1 << int(rng.integers(field.bits - field.signed)) if way == 0 else old + int(rng.choice([-1, 1]))
    if way == 2 or not low <= value < low + (1 << field.bits):
        value = low + int(rng.integers(1 << field.bits))
    return None if value == old else _changed("a field", program, index, field.name, value)


def wait_lowered(program: Program, rng: np.random.Generator) -> Mutant | None:
    """One instruction waits for less, or for nothing."""
    waiting = [(at, name) for at, one in enumerate(program.instructions) for name in WAITS if one[name]]
    if not waiting:
        return None
    index, name = waiting[int(rng.integers(len(waiting)))]
    most = program.instructions[index][name]
    return _changed("a wait lowered", program, index, name, 0 if rng.random() < 0.5 else int(rng.integers(most)))


def wait_raised(program: Program, rng: np.random.Generator) -> Mutant | None:
    """One instruction waits for more."""
    index, name = _any_instruction(program, rng), WAITS[int(rng.integers(len(WAITS)))]
    more = 1 + int(rng.integers(1 << int(rng.integers(1, 10))))
    return _changed("a wait raised", program, index, name, program.instructions[index][name] + more)


def instructions_swapped(program: Program, rng: np.random.Generator) -> Mutant | None:
    """Two neighbours change places."""
    index = int(rng.integers(len(program.instructions) - 2))
    order = [*range(len(program.instructions))]
    order[index : index + 2] = [index + 1, index]
    if program.instructions[index] == program.instructions[index + 1]:
        return None
    return _reordered("two instructions swapped", f"{index} and {index + 1}", program, order)


def instruction_gone(program: Program, rng: np.random.Generator) -> Mutant | None:
    """One instruction is left out."""
    index = _any_instruction(program, rng)
    order = [number for number in range(len(program.instructions)) if number != index]
    return _reordered("an instruction left out", f"{index}", program, order)


def instruction_twice(program: Program, rng: np.random.Generator) -> Mutant | None:
    """One instruction comes twice."""
    index = _any_instruction(program, rng)
    return _reordered("an instruction twice", f"{index}", program, sorted([*range(len(program.instructions)), index]))


def weight_byte(program: Program, rng: np.random.Generator) -> Mutant | None:
    """One byte of weights or parameters has another value."""
    image = program.weights.copy()
    at = int(rng.integers(WEIGHTS_HEADER_BYTES, len(image)))
    image[at] ^= np.uint8(rng.integers(1, 256))
    return _weighted("a byte of weights", f"byte {at}", program, image)


def weights_swapped(program: Program, rng: np.random.Generator) -> Mutant | None:
    """Two different pieces of weights of 8 to 64 bytes change places."""
    image, size = program.weights.copy(), 8 << int(rng.integers(4))
    count = (len(image) - WEIGHTS_HEADER_BYTES) // size
    a, b = (WEIGHTS_HEADER_BYTES + size * int(number) for number in rng.choice(count, 2, replace=False))
    first, second = image[a : a + size].copy(), image[b : b + size].copy()
    if np.array_equal(first, second):
        return None
    image[a : a + size], image[b : b + size] = second, first
    return _weighted("weights swapped", f"{size} bytes at {a} and {b}", program, image)


KINDS = (
    field_changed, wait_lowered, field_changed, weight_byte, field_changed, instructions_swapped, field_changed,
    weights_swapped, wait_raised, instruction_gone, field_changed, instruction_twice,
)  # fmt: skip
"""In turn; fields more often, since there are many of them."""


def mutants(program: Program, runs: int, seed: int) -> Iterator[Mutant]:
    """`runs` mutants of a program; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    for number in range(runs):
        mutant = KINDS[number % len(KINDS)](program, rng)
        while mutant is None:
            mutant = field_changed(program, rng)
        yield mutant


def _any_instruction(program: Program, rng: np.random.Generator) -> int:
    """Number of one that is not END."""
    return int(rng.integers(len(program.instructions) - 1))


def _changed(kind: str, program: Program, index: int, name: str, value: int) -> Mutant:
    one = program.instructions[index]
    other = Instruction(one.opcode, one.fields | {name: value})
    what = f"instruction {index} ({one.opcode.name}): {name} {one[name]} -> {value}"
    instructions = (*program.instructions[:index], other, *program.instructions[index + 1 :])
    return Mutant(kind, what, replace(program, instructions=instructions))


def _reordered(kind: str, what: str, program: Program, order: list[int]) -> Mutant:
    """Instructions by their old numbers; what they are said to write goes with them."""
    said = {observation.instruction: observation for observation in program.observations}
    observations = tuple(replace(said[old], instruction=new) for new, old in enumerate(order) if old in said)
    instructions = tuple(program.instructions[old] for old in order)
    return Mutant(kind, what, replace(program, instructions=instructions, observations=observations))


def _weighted(kind: str, what: str, program: Program, image: NDArray[np.uint8]) -> Mutant:
    sealed = np.frombuffer(seal_weights(image.tobytes(), program.architecture), np.uint8)
    return Mutant(kind, what, replace(program, weights=sealed))
