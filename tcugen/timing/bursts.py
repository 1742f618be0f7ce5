"""Transfers in bursts, and the bytes they move."""

from collections.abc import Sequence

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import SHARED_FIELDS, Instruction, Opcode, layer_of_shared


def transfer_bursts(instruction: Instruction, architecture: Architecture) -> list[int]:
    """Beats of each burst of a LOAD or STORE: none crosses a segment's end or a multiple of the longest burst."""
    get = instruction.fields.get
    bus_bytes = architecture.bus_bytes
    longest = BURST_BEATS * bus_bytes
    offset, step, size = get("offset", 0), get("memory_step", 0), get("segment_bytes", 0)
    bursts: list[int] = []
    patterns: dict[int, list[int]] = {}
    for _ in range(max(1, get("segments", 0))):
        place = offset % longest
        if place not in patterns:
            patterns[place] = pattern = list[int]()
            at = place
            while at < place + size:
                end = min(at - at % longest + longest, place + size)
                pattern.append((end - at) // bus_bytes)
                at = end
        bursts += patterns[place]
        offset += step
    return bursts


def transfer_bytes(instruction: Instruction) -> int:
    """Bytes that a LOAD or STORE moves."""
    return max(1, instruction.fields.get("segments", 0)) * instruction.fields.get("segment_bytes", 0)


def weight_bytes(instruction: Instruction, architecture: Architecture) -> int:
    """Bytes that a WEIGHT reads."""
    get = instruction.fields.get
    column = architecture.parameter_group_bytes + get("n_tiles", 0) * architecture.tile_bytes
    return get("n_columns", 0) * column


def program_parts(instructions: Sequence[Instruction]) -> list[int]:
    """Parts (own and shared ones) of each instruction as it stands in a program: 1 or 2, see `isa.encode_program`."""
    names = {opcode: tuple(field.name for field in fields) for opcode, fields in SHARED_FIELDS.items()}
    last: dict[Opcode, tuple[tuple[int, ...], int]] = {}
    parts: list[int] = []
    for instruction in instructions:
        opcode = instruction.opcode
        get = instruction.fields.get
        shared = tuple(get(name, 0) for name in names[opcode])
        key = shared, layer_of_shared(instruction)
        written = bool(shared) and last.get(opcode) != key
        last[opcode] = key
        parts.append(2 if written else 1)
    return parts
