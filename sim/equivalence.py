"""Why two programs are the same for every image, without the checker of certificates: by what the fields mean.

Instructions are compared by the accesses and the arithmetic that the instruction set gives them. A loop that runs once
has no step, a limit that nothing reaches is none. Where moves or maxima differ all the same, what reaches the outputs
is compared, value by value, see `sim.value_numbers`: bytes may be moved that nobody needs. Order and end, which waits
decide, are for the emulator's check of races and the compiler's of deadlock; neither depends on the image. The
emulator's outputs must be the same besides.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.operands import operands, windows
from sim.tiles import passes
from sim.value_numbers import Unknown, output_numbers
from tcugen.access.box import Box
from tcugen.access.drain import blocks, drain_padding, drain_reads, drain_writes
from tcugen.access.pool import pool_reads, pool_weights, pool_writes
from tcugen.access.transfer import in_memory, on_chip
from tcugen.arch import Architecture
from tcugen.compiler.deadlock import Execution
from tcugen.emulator import EmulationError, Machine
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Instruction, Opcode
from tcugen.mapping.errors import CompileError
from tcugen.program import Program

Meaning = tuple[object, ...]
Images = Mapping[str, NDArray[np.int8]]
_MASK = (1 << ACTIVATION_ADDRESS_BITS) - 1


def why_equal(program: Program, mutant: Program, images: list[Images]) -> str | None:
    """Why a mutant computes what the program computes; None if that is not known."""
    if not np.array_equal(program.weights, mutant.weights):
        return None
    reason = _by_meaning(program, mutant) or _by_values(program, mutant)
    if reason is None:
        return None
    try:
        Execution(mutant.instructions, mutant.architecture).run()
        for fill, image in enumerate(images):
            right, found = Machine(program).run(image), Machine(mutant).run(image, fill=90 * fill)
            if any(not np.array_equal(right[name], found[name]) for name in right):
                return None
    except (CompileError, EmulationError):
        return None
    return reason


def _by_meaning(program: Program, mutant: Program) -> str | None:
    """Whether every unit does the same, whatever its instructions wait for."""
    architecture = program.architecture
    ours, theirs = (_by_unit(one) for one in (program, mutant))
    twice = len(mutant.instructions) - len(program.instructions)
    for opcode, sequence in ours.items():
        other = theirs[opcode]
        if len(other) == len(sequence) + 1 and opcode in (Opcode.LOAD, Opcode.POOL):
            # Of two that are the same the second one writes what is there already.
            at = next((k for k in range(len(other) - 1) if other[k].fields == other[k + 1].fields), None)
            other = other if at is None else other[:at] + other[at + 1 :]
        if len(other) != len(sequence):
            return None
        if opcode in (Opcode.LOAD, Opcode.STORE, Opcode.POOL):
            other = _put_back(sequence, other, architecture)
        for a, b in zip(sequence, other, strict=True):
            if a.fields != b.fields and meaning(a, architecture) != meaning(b, architecture):
                return None
    if twice:
        return "done twice"
    pairs = list(zip(program.instructions, mutant.instructions, strict=True))
    if any(a != b for a, b in pairs) and Counter(map(repr, program.instructions)) == Counter(
        map(repr, mutant.instructions)
    ):
        return "another order of fetch"
    return "a field that decides nothing" if all(_waits(a) == _waits(b) for a, b in pairs) else "a needless wait"


def _by_values(program: Program, mutant: Program) -> str | None:
    """Whether the outputs are made of the same values by the same sums, whatever else is moved or pooled."""
    architecture = program.architecture
    ours, theirs = (_by_unit(one) for one in (program, mutant))
    same = {Opcode.WEIGHT: meaning, Opcode.COMPUTE: _tiles_taken, Opcode.DRAIN: meaning}
    for opcode, of in same.items():
        pairs = zip(ours[opcode], theirs[opcode], strict=False)
        if len(ours[opcode]) != len(theirs[opcode]) or any(
            a.fields != b.fields and of(a, architecture) != of(b, architecture) for a, b in pairs
        ):
            return None
    try:
        right, found = output_numbers(program), output_numbers(mutant)
    except (Unknown, IndexError, ValueError):
        return None
    same = all(np.array_equal(numbers, found[name]) for name, numbers in right.items())
    return "more than is needed" if same else None


def _tiles_taken(one: Instruction, _architecture: Architecture) -> Meaning:
    """What decides which tiles meet how many pixels, and where the sums go; not what those pixels are."""
    pixels = [(y1 - y0) * one["n_x"] for y0, y1 in blocks(one)]
    return one["n_columns"], passes(one), pixels, one["accumulate"], one["finish"], one["keep"]


def _put_back(sequence: list[Instruction], other: list[Instruction], architecture: Architecture) -> list[Instruction]:
    """`other` with two neighbours the other way round, if that is the difference and neither sees the other's work."""
    changed = [k for k in range(len(other)) if other[k].fields != sequence[k].fields]
    if len(changed) == 2:
        a, b = changed
        swapped = (other[a], other[b]) == (sequence[b], sequence[a]) and b == a + 1
        if swapped and _commute(_touched(other[a], architecture), _touched(other[b], architecture)):
            return [*other[:a], other[b], other[a], *other[b + 1 :]]
    return other


Touched = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Bytes that are read and bytes that are written, in the memory that is written."""


def _touched(one: Instruction, architecture: Architecture) -> Touched:
    nothing = np.zeros(0, np.int64)
    if one.opcode == Opcode.LOAD:
        return nothing, _all_bytes(on_chip(one))
    if one.opcode == Opcode.STORE:
        return nothing, _all_bytes(in_memory(one)) + (one["window"] << 40)
    read = [_all_bytes(box) for box in (pool_reads(architecture, one), pool_weights(architecture, one))]
    return np.concatenate(read), _all_bytes(*pool_writes(architecture, one))


def _all_bytes(box: Box) -> NDArray[np.int64]:
    return np.unique(box.addresses[..., None] + np.arange(box.width))


def _commute(a: Touched, b: Touched) -> bool:
    pairs = ((a[0], b[1]), (a[1], b[0]), (a[1], b[1]))
    return not any(np.isin(first, second).any() for first, second in pairs)


def _by_unit(program: Program) -> dict[Opcode, list[Instruction]]:
    return {opcode: [one for one in program.instructions if one.opcode == opcode] for opcode in Opcode}


def _waits(one: Instruction) -> dict[str, int]:
    return {name: value for name, value in one.fields.items() if name.startswith("wait_") and value}


def meaning(one: Instruction, architecture: Architecture) -> Meaning:
    """All that an instruction does, but for its layer and what it waits for: equal ones do the same."""
    match one.opcode:
        case Opcode.END:
            return ()
        case Opcode.WEIGHT:
            return one["offset"], one["n_columns"], one["n_tiles"]
        case Opcode.LOAD:
            return _transfer(one)
        case Opcode.STORE:
            place = np.arange(one["segment_bytes"]) % max(1, one["row_step"]) < one["row_bytes"]
            return *_transfer(one), place.tobytes()
        case Opcode.COMPUTE:
            return _compute(one, architecture)
        case Opcode.DRAIN:
            return _drain(one, architecture)
        case Opcode.POOL:
            return _pool(one, architecture)


def _bytes(addresses: NDArray[np.int64]) -> bytes:
    return (addresses & _MASK).tobytes()


def _transfer(one: Instruction) -> Meaning:
    return one["window"], one["segment_bytes"], in_memory(one).addresses.tobytes(), _bytes(on_chip(one).addresses)


def _compute(one: Instruction, architecture: Architecture) -> Meaning:
    """Address of every word of every pass, and which of its bytes are padding."""
    address, inside = operands(one, architecture)
    flat = (*address.shape[:3], -1)
    return (
        list(blocks(one)),
        _bytes(np.where(inside.any(axis=-1), address, 0).reshape(flat)),
        np.ascontiguousarray(inside).tobytes(),
        0 if inside.all() else one["pad"],
        address.reshape(flat).shape,
        one["accumulate"],
        one["finish"],
        one["keep"],
    )


def _drain(one: Instruction, architecture: Architecture) -> Meaning:
    """Address of every result and residual operand, and the numbers that are used."""
    used = ["table", "load_table", "keep", "int32", "residual", "n_columns", "last_steps"]
    if not one["int32"]:
        used += ["zero_point", "clamp_low", "clamp_high"]
    if one["residual"]:
        used += ["multiply", "residual_zero_point", "unrounded"]
        if not one["multiply"]:
            used += ["add_multiplier", "residual_multiplier", "add_shift", "add_zero_point"]
            used += ["add_clamp_low", "add_clamp_high"]
    boxes = [*drain_writes(architecture, one), *drain_reads(architecture, one), *drain_padding(architecture, one)]
    places = [(box.width, box.addresses.shape, _bytes(box.addresses)) for box in boxes]
    return list(blocks(one)), places, [one[name] for name in used], one["pad_steps"]


def _pool(one: Instruction, architecture: Architecture) -> Meaning:
    """For every result the words that are in its window. A maximum does not ask for their order, but each word of a
    depthwise convolution meets a weight of its own.
    """
    address, inside = windows(one, architecture)
    words = np.where(inside, address & _MASK, -1)
    out = [_bytes(box.addresses) for box in pool_writes(architecture, one)]
    if not one["depthwise"]:
        sets = [np.unique(window[window >= 0]).tolist() for window in words.reshape(-1, words.shape[-1])]
        return words.shape[:3], sets, out
    numbers = [one[name] for name in ("n_x", "n_kx", "stride_x", "zero_point", "clamp_low", "clamp_high")]
    pad = 0 if inside.all() else one["pad"]
    weights = _bytes(pool_weights(architecture, one).addresses)
    return "depthwise", words.shape, words.tobytes(), out, weights, numbers, pad
