"""The memories of a machine, from its architecture alone; a test compares them with those that are emitted."""

from collections import Counter

from tcugen.arch import ACTIVATION_BANKS, PARAMETER_BYTES, Architecture
from tcugen.fpga.ram import Memory
from tcugen.registers import Stall
from tcugen.timing.latencies import FETCH_BURST_BYTES, FETCH_BURSTS, LOAD_QUEUE_BEATS, SMALL_FIFO, WRITER_BEATS

LAYERS = 256
COUNT_BITS = 32


def memories(architecture: Architecture) -> Counter[Memory]:
    """How often the machine has each memory of `tcu_sram_1r1w`."""
    a = architecture
    found: Counter[Memory] = Counter()
    beat = 8 * a.bus_bytes
    for depth in (FETCH_BURSTS * FETCH_BURST_BYTES // max(a.bus_bytes, 8), LOAD_QUEUE_BEATS, WRITER_BEATS):
        # A shorter queue has no such memory.
        if depth >= SMALL_FIFO:
            found[Memory(beat, depth, beat)] += 1
    found[Memory(8 * a.rows, a.activation_bank_words, 8)] += ACTIVATION_BANKS
    found[Memory(a.accumulator_bits, a.accumulator_depth, a.accumulator_bits)] += 2 * a.columns
    counters = len(Stall) + 1
    found[Memory(COUNT_BITS, counters * LAYERS, COUNT_BITS)] += 1
    found[Memory(counters, LAYERS, counters)] += 1
    found[_ring(a.weight_buffer_bytes, a.bus_bytes, a.columns)] += 1
    found[_ring(a.parameter_buffer_bytes, a.bus_bytes, a.output_lanes * PARAMETER_BYTES)] += 1
    return found


def _ring(size_bytes: int, beat_bytes: int, unit_bytes: int) -> Memory:
    """A ring that is written in beats and read in units: its words are as wide as the wider of them."""
    word_bytes = max(beat_bytes, unit_bytes)
    return Memory(8 * word_bytes, size_bytes // word_bytes, 8 * beat_bytes)
