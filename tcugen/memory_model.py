"""The memory on the machine's bus, as simulator and cycle prediction both assume it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryModel:
    """How memory answers.

    Reads are answered in order, and so are writes. One beat moves per cycle, reads and writes together; of the
    transactions that could move one, the one whose address came first does (of two in the same cycle, the read).

    Attributes:
        read_latency: Cycles from the acceptance of a read's address to its first beat.
        response_latency: Cycles from the last beat of a write to its response.
        reads_in_flight: Reads open at once; further addresses wait.
        delayed_one_in: A beat comes one cycle later, in which no other moves, when the next number of the generator is
            divisible by this; 0 delays none.
        seed: First state of the generator, a 32-bit xorshift (13, 17, 5) that is advanced once per beat.
    """

    read_latency: int = 100
    response_latency: int = 50
    reads_in_flight: int = 16
    delayed_one_in: int = 0
    seed: int = 1


MEMORY_MODELS = {"fixed": MemoryModel(), "ddr": MemoryModel(delayed_one_in=10)}
"""By the name that `--memory` takes. Published cycle counts are those of `fixed` unless they say otherwise."""
