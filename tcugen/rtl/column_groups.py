"""Where the next column group begins, in words of R channels that column groups of C need not fill."""

from amaranth.hdl import Mux, Signal, Value

from tcugen.arch import Architecture
from tcugen.rtl.multiple import multiple


def column_after(architecture: Architecture, at: Signal, byte: Signal, plane_step: Value) -> tuple[Value, Value]:
    """Address of the word, and byte within it, at which the column group after the one at `at`, `byte` begins.

    C channels are C // R planes and C % R bytes; where the bytes run over the end of a word, one plane more.
    """
    rows = architecture.rows
    planes, rest = divmod(architecture.columns, rows)
    ahead = at + multiple(plane_step, planes) if planes else at
    if not rest:
        return ahead, byte
    # Where groups fill words evenly, the last one of a word begins at one place only.
    crosses = byte >= rows - rest if planes or rows % rest else byte == rows - rest
    return ahead + Mux(crosses, plane_step, 0), byte + rest
