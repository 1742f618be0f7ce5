"""When units had which instruction, from what the harness saw of them."""

import numpy as np

from tcugen.isa import Opcode
from tcugen.program import Program
from tcugen.timeline import UNITS, Span, spans_of

_TAKEN, _BUSY, _DONE = 0, 1, 2
_SEVERAL_AT_ONCE = (Opcode.LOAD, Opcode.STORE)
"""Units that take instructions ahead; that they are done with one is seen, of the others it follows from the next."""


class UnitTraceError(RuntimeError):
    """The trace is not that of a whole run of the program. The message names unit and numbers."""


def unit_spans(program: Program, records: np.ndarray, first: int) -> tuple[Span, ...]:
    """Spans of all instructions of one image, in the cycles that the machine counts.

    Args:
        program: What ran.
        records: Of `run.trace_dtype(UNIT_TRACE_BYTES)`, their cycles counted from the start write.
        first: In these cycles the first one that the machine counts, after its verdict on the windows.

    Raises:
        UnitTraceError: If the units took more or fewer instructions than the program has.
    """
    cycles = records["cycle"].astype(np.int64) - first
    data = records["data"]
    times: dict[Opcode, list[tuple[int, int]]] = {}
    for opcode in UNITS:
        bit = 1 << (opcode - Opcode.WEIGHT)
        # A unit is at work from the cycle after it took an instruction.
        starts = cycles[(data[:, _TAKEN] & bit) != 0] + 1
        expected = sum(instruction.opcode == opcode for instruction in program.instructions)
        if len(starts) != expected:
            raise UnitTraceError(
                f"the {UNITS[opcode]} took {len(starts)} instructions, but the program has {expected} for it"
            )
        if opcode in _SEVERAL_AT_ONCE:
            ends = cycles[(data[:, _DONE] & bit) != 0] + 1
            if len(ends) != expected:
                raise UnitTraceError(f"the {UNITS[opcode]} was done with {len(ends)} of {expected} instructions")
        else:
            idle = cycles[(data[:, _BUSY] & bit) == 0]
            idle_after = idle[np.minimum(np.searchsorted(idle, starts), max(len(idle) - 1, 0))] if len(idle) else starts
            ends = np.minimum(idle_after, np.append(starts[1:], np.iinfo(np.int64).max))
        times[opcode] = [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
    return spans_of(program.instructions, times)
