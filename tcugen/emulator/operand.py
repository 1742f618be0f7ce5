"""What the array's rows see: the address generator of COMPUTE, with padding by address test.

Pass (g, ky, kx) of output pixel (y, x), y counted over all of 0 .. n_y - 1, reads the R bytes from

    address = base + col * column_step + g * group_step + ky * ky_step + y * y_step + off   (modulo 2**24)
    off     = offset0 + kx * kx_step + x * x_step                                (24 bits, two's complement)
    iy      = iy0 + ky + y * stride_y

Byte j is memory[address + j] if 0 <= iy < height and 0 <= off + j < row_bytes, else `pad`. Only bytes that are not
padding have to be inside the memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.emulator.memory import ADDRESS_MASK, ActivationMemory
from tcugen.emulator.ordering import Work
from tcugen.emulator.step import Step

_SIGN_BIT = (ADDRESS_MASK + 1) >> 1


@dataclass(frozen=True)
class _Reads:
    """The reads of one block: where they start, which of their bytes are padding, which bytes of memory they use.

    Attributes:
        starts: int64 [rows, n_x, n_groups, n_ky, n_kx], -R .. size.
        used: Addresses of the bytes that are not padding, as an index array.
    """

    starts: NDArray[np.int64]
    used: NDArray[np.int64]


class OperandReader:
    """Reads the operand of one COMPUTE instruction block by block.

    Raises EmulationError (in `read`) if a byte that is not padding is outside the memory or not ordered.
    """

    def __init__(self, step: Step, memory: ActivationMemory):
        self._step, self._memory = step, memory
        rows, height, row_bytes = memory.rows, step["height"], step["row_bytes"]
        y, x = np.arange(step["n_y"]), np.arange(step["n_x"])
        ky, kx = np.arange(step["n_ky"]), np.arange(step["n_kx"])

        offsets = step["offset0"] + kx * step["kx_step"] + x[:, None] * step["x_step"]
        self._offsets = (offsets + _SIGN_BIT & ADDRESS_MASK) - _SIGN_BIT
        self._low = np.clip(-self._offsets, 0, rows)
        self._high = np.maximum(np.clip(row_bytes - self._offsets, 0, rows), self._low)
        iy = step["iy0"] + ky + y[:, None] * step["stride_y"]
        self._row_is_padding = (iy < 0) | (iy >= height)
        self._row_addresses = (
            step["base"]
            + np.arange(step["n_groups"])[:, None] * step["group_step"]
            + ky * step["ky_step"]
            + y[:, None, None] * step["y_step"]
        )
        j = np.arange(rows)
        byte_is_padding = (j < self._low[..., None]) | (j >= self._high[..., None])
        self._edges = [
            (tap, columns, byte_is_padding[columns, tap][:, None, None])
            for tap in range(len(kx))
            if (columns := np.flatnonzero(byte_is_padding[:, tap].any(axis=1))).size
        ]
        self._cache: dict[int, _Reads] = {}

    def _plan(self, column: int, y0: int, n_rows: int) -> _Reads:
        step = self._step
        addresses = self._row_addresses[y0 : y0 + n_rows] + column * step["column_step"]
        # [rows, n_x, n_groups, n_ky, n_kx] throughout; an address is that of the first byte that is not padding.
        firsts = addresses[:, None, :, :, None] + (self._offsets + self._low)[None, :, None, None, :] & ADDRESS_MASK
        lengths = (self._high - self._low)[None, :, None, None, :]
        lengths = np.where(self._row_is_padding[y0 : y0 + n_rows, None, None, :, None], 0, lengths)
        lengths = np.broadcast_to(lengths, firsts.shape)
        self._memory.check(step, "base", firsts[lengths > 0], lengths[lengths > 0])
        starts = np.where(lengths > 0, firsts - self._low[None, :, None, None, :], 0)
        used: list[NDArray[np.int64]] = []
        for length in map(int, np.unique(lengths)):
            first: NDArray[np.int64] = np.unique(firsts[lengths == length])
            used.append((first[:, None] + np.arange(length)).ravel())
        return _Reads(starts, np.concatenate(used))

    def read(self, work: Work, column: int, y0: int, n_rows: int) -> NDArray[np.int8]:
        """int8 [n_rows * n_x, passes, R] of column group `column` and output rows y0 .. y0 + n_rows - 1."""
        step = self._step
        if step["column_step"]:
            reads = self._plan(column, y0, n_rows)
        else:
            if y0 not in self._cache:
                self._cache[y0] = self._plan(column, y0, n_rows)
            reads = self._cache[y0]
        self._memory.log.read(work, reads.used)
        operand = self._memory.read_words(reads.starts).view(np.int8)
        for tap, columns, is_padding in self._edges:
            of_tap = operand[:, :, :, :, tap]
            of_tap[:, columns] = np.where(is_padding, np.int8(step["pad"]), of_tap[:, columns])
        padding = self._row_is_padding[y0 : y0 + n_rows]
        for row, ky in zip(*np.nonzero(padding), strict=True):
            operand[row, :, :, ky] = step["pad"]
        return operand.reshape(n_rows * step["n_x"], -1, self._memory.rows)
