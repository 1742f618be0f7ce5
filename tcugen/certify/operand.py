"""What the array is fed: the bytes of one COMPUTE, pass after pass, as symbols.

Pass (g, ky, kx) of output pixel (y, x) reads R bytes from

    base + column * column_step + g * group_step + ky * ky_step + y * y_step + off     (modulo 2**24)
    off = offset0 + kx * kx_step + x * x_step                                          (24 bits, two's complement)

Byte j is padding unless 0 <= iy0 + ky + y * stride_y < height and 0 <= off + j < row_bytes.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tcugen.certify.affine import Affine
from tcugen.certify.errors import NotCertified
from tcugen.certify.match import Match
from tcugen.certify.memory import ADDRESS_SPACE, ActivationMemory
from tcugen.certify.order import Work
from tcugen.certify.symbols import PAD, Symbols
from tcugen.isa import Instruction

Flags = NDArray[np.bool_]
_MOST_SYMBOLS = 1 << 28
Place = tuple[Affine, bytes, bytes, int | None]
"""An affine form, the origins of the rows and columns that it is held against, and the first of the pixels."""


@dataclass(eq=False)
class Operand:
    """The operand of one block of output rows, for one column group or for all of them.

    Attributes:
        symbols: int32 [rows, n_x, passes * R].
        pad: What padding reads as.
        layer: Of the instruction.
        matches: What is known of it, by affine form and place.
    """

    symbols: Symbols
    pad: int
    layer: int
    matches: dict[Place, Match] = field(default_factory=dict[Place, Match])


class OperandReader:
    """Reads the operand of one COMPUTE, block by block."""

    def __init__(self, instruction: Instruction, memory: ActivationMemory):
        self._instruction, self._memory = instruction, memory
        self._blocks: dict[tuple[int, int], Operand] = {}
        self._words: dict[tuple[int, int, bytes], NDArray[np.int64]] = {}

    def read(self, work: Work, column: int, y0: int, rows: int, needed: Flags) -> Operand:
        """The operand of a column group, output rows y0 .. y0 + rows - 1.

        Args:
            needed: bool [passes, R]: bytes that meet a weight. The others are not looked at, nor is their order.

        Raises:
            NotCertified: If a byte that is needed is outside the memory, or its writer is not in order.
        """
        block = (column if self._instruction["column_step"] else 0, y0)
        key = (*block, needed.tobytes())
        if key not in self._words:
            places = self._places(*block, rows)
            self._words[key] = self._used(*places, needed)
        self._memory.log.read(work, self._words[key])
        if block not in self._blocks:
            self._blocks[block] = self._symbols(*self._places(*block, rows))
        return self._blocks[block]

    def _places(self, column: int, y0: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Flags]:
        """Starts [rows, n_x, g, ky, kx], not wrapped; offsets in the row [n_x, kx]; rows inside [rows, ky]."""
        one = self._instruction
        y, x = y0 + np.arange(rows), np.arange(one["n_x"])
        g, ky, kx = np.arange(one["n_groups"]), np.arange(one["n_ky"]), np.arange(one["n_kx"])
        if rows * len(x) * len(g) * len(ky) * len(kx) * self._memory.word > _MOST_SYMBOLS:
            raise NotCertified(f"reads more than {_MOST_SYMBOLS:,} bytes for one tile, more than the checker holds")
        offsets = one["offset0"] + kx * one["kx_step"] + x[:, None] * one["x_step"]
        offsets = (offsets + ADDRESS_SPACE // 2) % ADDRESS_SPACE - ADDRESS_SPACE // 2
        iy = one["iy0"] + ky + y[:, None] * one["stride_y"]
        if iy.size and int(iy.max()) >= 1 << 16:
            raise NotCertified(f"input row {int(iy.max())} is beyond 16 bits")
        starts = (
            one["base"]
            + column * one["column_step"]
            + y[:, None, None, None, None] * one["y_step"]
            + g[:, None, None] * one["group_step"]
            + ky[:, None] * one["ky_step"]
            + offsets[:, None, None, :]
        )
        return starts, offsets, (iy >= 0) & (iy < one["height"])

    def _used(
        self, starts: NDArray[np.int64], offsets: NDArray[np.int64], inside: Flags, needed: Flags
    ) -> NDArray[np.int64]:
        """Numbers of the words that hold needed bytes, each once."""
        one, word = self._instruction, self._memory.word
        j = np.arange(word)
        row = offsets[..., None] + j
        real = (row >= 0) & (row < one["row_bytes"])
        needed = needed.reshape(one["n_groups"], one["n_ky"], one["n_kx"], word)
        # [n_x, g, ky, kx, R]
        bytes_ = real[:, None, None] & needed
        used = bytes_.any(axis=-1) & inside[:, None, None, :, None]
        first, last = np.argmax(bytes_, axis=-1), word - 1 - np.argmax(bytes_[..., ::-1], axis=-1)
        ends = [self._memory.bounded((starts + edge)[used]) for edge in (first, last)]
        return np.unique(np.concatenate(ends) // word)

    def _symbols(self, starts: NDArray[np.int64], offsets: NDArray[np.int64], inside: Flags) -> Operand:
        one, word = self._instruction, self._memory.word
        size = self._memory.size
        wrapped = (starts + word) % ADDRESS_SPACE - word
        # Where a word leaves the memory only padding or bytes without a weight are: what is read there plays no part.
        found = self._memory.from_starts(np.clip(wrapped, -word, size))
        row = offsets[..., None] + np.arange(word)
        real = (row >= 0) & (row < one["row_bytes"])
        if not (real.all() and inside.all()):
            real = inside[:, None, None, :, None, None] & real[None, :, None, None]
            found = np.where(real, found, np.int32(PAD))
        symbols = np.ascontiguousarray(found).reshape(*found.shape[:2], -1)
        return Operand(symbols, one["pad"], one["layer"])
