"""Where the next column group begins, in words of R channels that column groups of C need not fill."""

from amaranth.hdl import Const, Mux, Signal, Value

from tcugen.arch import Architecture
from tcugen.rtl.multiple import multiple


def column_step(architecture: Architecture, byte: Signal, plane_step: Value) -> tuple[Value, Value]:
    """From the word in which a column group begins, at `byte`, to that of the next one: addresses between them, and
    the byte within that word.

    C channels are C // R planes and C % R bytes; where the bytes run over the end of a word, one plane more.
    """
    rows = architecture.rows
    planes, rest = divmod(architecture.columns, rows)
    step = multiple(plane_step, planes) if planes else Const(0, len(plane_step))
    if not rest:
        return step, byte
    # Where groups fill words evenly, the last one of a word begins at one place only.
    crosses = byte >= rows - rest if planes or rows % rest else byte == rows - rest
    return Mux(crosses, multiple(plane_step, planes + 1), step), byte + rest
