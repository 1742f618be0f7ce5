"""The memories of a machine, from its architecture alone, and the block RAMs that each takes.

A test compares the list with the instances of `tcu_sram_1r1w` in the emitted Verilog.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tcugen.arch import (
    ACTIVATION_BANKS,
    BURST_BEATS,
    DEPTHWISE_COLUMNS,
    DEPTHWISE_ROWS,
    PARAMETER_BYTES,
    Architecture,
)
from tcugen.fpga.families import BlockRam, Family, SmallMemory

_FETCH_BYTES = 1024
_LOAD_BEATS = 256
_WRITE_BEATS = 2 * BURST_BEATS
_INSTRUCTION_WORDS = 512
_INSTRUCTION_WORD_BITS = 64
_LAYERS = 256
_LAYER_COUNTERS = 9
_LAYER_COUNT_BITS = 32
_SHALLOWEST = 64
"""Queues of fewer words are no `tcu_sram_1r1w`."""


@dataclass(frozen=True)
class Memory:
    """Memories of one shape: `count` of `depth` words of `width` bits, written in lanes of `lane` bits.

    Parity bits are in both.
    """

    name: str
    width: int
    depth: int
    lane: int
    count: int = 1

    @property
    def bits(self) -> int:
        """Of all of them."""
        return self.count * self.width * self.depth

    @property
    def protected(self) -> "Memory":
        """With a parity bit in each lane."""
        lanes = self.width // self.lane
        return replace(self, width=self.width + lanes, lane=self.lane + 1)


def memories(architecture: Architecture) -> list[Memory]:
    """Every `tcu_sram_1r1w` of the machine."""
    a = architecture
    beat = 8 * a.bus_bytes
    fetch_beats = _FETCH_BYTES // a.bus_bytes
    fetch = [Memory("fetch", beat, fetch_beats, beat)] if fetch_beats >= _SHALLOWEST else []
    counters = [
        Memory("counts", _LAYER_COUNT_BITS, _LAYER_COUNTERS * _LAYERS, _LAYER_COUNT_BITS),
        Memory("masks", _LAYER_COUNTERS, _LAYERS, _LAYER_COUNTERS),
    ]
    used = [
        *fetch,
        Memory("instructions", _INSTRUCTION_WORD_BITS, _INSTRUCTION_WORDS, _INSTRUCTION_WORD_BITS),
        Memory("writer", beat, _WRITE_BEATS, beat),
        Memory("load", beat, _LOAD_BEATS, beat),
        Memory("activation", 8 * a.rows, a.activation_bank_words, 8, ACTIVATION_BANKS),
        Memory("accumulators", a.accumulator_bits, a.accumulator_depth, a.accumulator_bits, 2 * a.columns),
        _ring("weights", a.weight_tiles, a.tile_bytes, a.bus_bytes, a.columns),
        _ring("parameters", a.parameter_groups, a.parameter_group_bytes, a.bus_bytes, a.output_lanes * PARAMETER_BYTES),
    ]
    # What counts cycles reaches no result.
    return [*(memory.protected if a.parity else memory for memory in used), *_depthwise(a), *counters]


def _depthwise(a: Architecture) -> list[Memory]:
    """Weights and parameters of a channel group, of words as the activation memory has them, parity bits included."""
    if not a.depthwise:
        return []
    word = (8 + a.parity) * a.rows
    return [
        Memory("depthwise weights", DEPTHWISE_COLUMNS * word, _power_of_two(DEPTHWISE_ROWS), word),
        Memory("depthwise parameters", PARAMETER_BYTES * a.depthwise * word // a.rows, a.rows // a.depthwise, word),
    ]


def _ring(name: str, items: int, item_bytes: int, beat_bytes: int, unit_bytes: int) -> Memory:
    """The memory of a ring: its words are units, together at least a beat; each item takes a power of two of them."""
    units = max(1, _power_of_two(-(-beat_bytes // unit_bytes)))
    word_bytes = units * unit_bytes
    depth = items * _power_of_two(item_bytes // word_bytes)
    return Memory(name, 8 * word_bytes, depth, 8 * math.gcd(word_bytes, beat_bytes))


def _power_of_two(number: int) -> int:
    """The smallest one that is no less."""
    return 1 << (number - 1).bit_length()


def block_rams(machine: Sequence[Memory], family: Family) -> float:
    """Block RAMs that the memories take, halves where the family has them."""
    return sum(
        memory.count * (0 if _is_small(memory, family) else _blocks(memory, family).number) for memory in machine
    )


def small_memory_luts(machine: Sequence[Memory], family: Family) -> int:
    """LUTs of the memories that Yosys builds of LUTs, as it is cheaper so."""
    small = family.small_memory
    return sum(
        memory.count * small.luts * _pieces(memory, small)[0]
        for memory in machine
        if small and _is_small(memory, family)
    )


def _is_small(memory: Memory, family: Family) -> bool:
    """Whether LUTs cost less than blocks, by the costs in Yosys' libraries."""
    small = family.small_memory
    if small is None:
        return False
    # Where words are stacked, multiplexers choose among them.
    pieces, stacked = _pieces(memory, small)
    return small.cost * pieces + (stacked - 1) * memory.width < _blocks(memory, family).cost


def _pieces(memory: Memory, small: SmallMemory) -> tuple[int, int]:
    """How many memories built of LUTs make this one, and how many are stacked."""
    return min(
        (-(-memory.width // width) * -(-memory.depth // depth), -(-memory.depth // depth))
        for width, depth in small.shapes
    )


def block_select_luts(machine: Sequence[Memory], family: Family) -> int:
    """LUTs that choose among blocks where several are stacked to make a memory deep enough, roughly."""
    block = family.block_ram
    assert block is not None, "every family here has block RAM"
    return sum(
        round(memory.count * memory.width * (_blocks(memory, family).stacked - 1) * block.select_luts)
        for memory in machine
        if not _is_small(memory, family)
    )


class _Blocks(NamedTuple):
    """A memory in blocks: Yosys' cost of them, how many whole ones they are, how many are stacked. Least is best."""

    cost: float
    number: float
    stacked: int


def _blocks(memory: Memory, family: Family) -> _Blocks:
    block = family.block_ram
    assert block is not None, "every family here has block RAM"
    kinds = [(block.cost * (2 if block.halves else 1), 1.0, block.shapes)]
    if block.halves:
        kinds.append((block.cost, 0.5, tuple(_half(block))))
    return min(
        _Blocks(cost * number, share * number, stacked)
        for cost, share, shapes in kinds
        for number, stacked in [_fewest(memory, shapes)]
    )


def _fewest(memory: Memory, shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Blocks, and how many are stacked; those side by side need nothing to choose among them."""
    return min(
        (_beside(memory, width) * -(-memory.depth // depth), -(-memory.depth // depth)) for width, depth in shapes
    )


def _half(block: BlockRam) -> list[tuple[int, int]]:
    """Shapes of half a block: half as deep, but for the widest, which is half as wide."""
    return [(width, depth // 2) for width, depth in block.shapes[:-1]]


def _beside(memory: Memory, width: int) -> int:
    """Blocks of that width beside each other. Where lanes are written apart, 9 bits of a block have one enable: a lane
    takes whole such groups, of 8 bits and one more if it has a parity bit."""
    if memory.lane == memory.width or width < 9:
        return -(-memory.width // width)
    groups = memory.width // memory.lane * -(-memory.lane // (9 if memory.lane % 8 else 8))
    return -(-groups // (width // 9))
