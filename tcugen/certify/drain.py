"""DRAIN: whether each result is the element that it is said to be, and where the elements go."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.certify.affine import Affine
from tcugen.certify.derivation import Derivation, derivations
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import Claim
from tcugen.certify.match import Match, match
from tcugen.certify.memory import ActivationMemory
from tcugen.certify.moved import merged
from tcugen.certify.operand import Operand
from tcugen.certify.order import Work
from tcugen.certify.sums import ColumnGroup, check_sums
from tcugen.certify.symbols import NOBODYS, UNWRITTEN, ZERO, Numbering, Symbols
from tcugen.isa import Instruction
from tcugen.model.quantized import QuantizedNetwork

Ints = NDArray[np.int64]

_MULTIPLIERS = 2.0**-40, 2.0**8
_ONE = np.ones(1, np.float32).view(np.uint32)
"""Multiplier of columns that are no channel's, and of sums that are stored as they are: nothing is made of it."""


@dataclass(frozen=True, eq=False)
class Part:
    """What one COMPUTE adds to a tile.

    Attributes:
        operand: What it reads.
        tiles: Offsets in window WEIGHTS of its weight tiles, pass after pass.
    """

    operand: Operand
    tiles: Ints


@dataclass(frozen=True, eq=False)
class Tile:
    """One tile to be drained.

    Attributes:
        column: Column group within the instruction.
        y0, rows: Output rows within the instruction.
        parts: What was summed up.
        parameters: uint8 [columns, 8].
        table: int8 [256] that is loaded, or None.
    """

    column: int
    y0: int
    rows: int
    parts: tuple[Part, ...]
    parameters: NDArray[np.uint8]
    table: NDArray[np.int8] | None


class Drains:
    """Checks the tiles of all DRAINs of a program.

    Attributes:
        tiles, products: Counted: tiles that were checked; products of an element and a weight, for one image.
        weight_bytes: Offsets of weight tiles that were compared, each once.
    """

    def __init__(
        self,
        model: QuantizedNetwork,
        architecture: Architecture,
        numbering: Numbering,
        memory: ActivationMemory,
        weights: NDArray[np.uint8],
    ):
        self._model, self._architecture, self._numbering, self._memory = model, architecture, numbering, memory
        self._weights = weights
        self._ways: dict[str, tuple[Derivation, ...]] = {}
        self._checked: set[tuple[object, ...]] = set()
        self.tiles = self.products = 0

    def drain(self, instruction: Instruction, claim: Claim, tile: Tile, work: Work) -> None:
        """Check a tile and write its elements.

        Raises:
            NotCertified: If they are not those of the claim.
        """
        self.tiles += 1
        lanes, last = self._architecture.output_lanes, tile.column == instruction["n_columns"] - 1
        width = instruction["last_steps"] * lanes if last else self._architecture.columns
        shape = (tile.rows, instruction["n_x"])
        if any(part.operand.symbols.shape[:2] != shape for part in tile.parts):
            raise NotCertified(f"drains {shape[0]} rows of {shape[1]} pixels of a tile of other rows or pixels")
        addresses = self._addresses(instruction, "out", tile, width)
        if (addresses[..., ::lanes] % lanes).any():
            raise NotCertified(f"writes {lanes} results to an address that is no multiple of {lanes}")
        residual: Symbols | None = None
        if instruction["residual"]:
            places = self._addresses(instruction, "residual", tile, width)
            if not np.array_equal(places, addresses) and np.isin(places, addresses).any():
                raise NotCertified("its results overwrite residual operands of other pixels")
            residual = self._memory.read(work, places)
        symbols = self._results(instruction, claim, tile, width, residual)
        byte_step = instruction["byte_step"]
        for k in range(len(symbols)):
            self._memory.write(work, self._memory.bounded(addresses + k * byte_step), symbols[k])
        if last and instruction["pad_steps"]:
            padding = self._addresses(instruction, "out", tile, width + instruction["pad_steps"] * lanes)[..., width:]
            for k in range(len(symbols)):
                zeros = self._memory.bounded(padding + k * byte_step)
                self._memory.write(work, zeros, np.full(zeros.shape, ZERO, np.int32))

    def _addresses(self, instruction: Instruction, operand: str, tile: Tile, width: int) -> Ints:
        """[rows, n_x, width] bytes of the results, or of the residual operand."""
        word, pixel = self._architecture.rows, int(operand == "out" or not instruction["per_channel"])
        y, x = (tile.y0 + np.arange(tile.rows)) * pixel, np.arange(instruction["n_x"]) * pixel
        channel = instruction["channel0"] + tile.column * self._architecture.columns + np.arange(width)
        place = channel // word * instruction[f"{operand}_plane_step"] + channel % word
        rows = y[:, None, None] * instruction["out_y_step"] + x[:, None] * instruction["out_x_step"]
        return self._memory.bounded(instruction[f"{operand}_base"] + rows + place)

    def _results(
        self, instruction: Instruction, claim: Claim, tile: Tile, width: int, residual: Symbols | None
    ) -> Symbols:
        """int32 [byte planes, rows, n_x, width]: what the results are."""
        if claim.tensor not in self._ways:
            ways = derivations(self._model, claim.tensor)
            self._ways[claim.tensor] = tuple(replace(way, affine=merged(way.affine, self._numbering)) for way in ways)
        planes = 4 if instruction["int32"] else 1
        found = np.full((planes, tile.rows, instruction["n_x"], width), NOBODYS, np.int32)
        for x, channel0 in _places(instruction, claim):
            self._check(instruction, claim, tile, x, channel0, width, residual)
            self._fill(instruction, claim, tile, x, channel0, residual, found)
        return found

    def _fill(
        self,
        instruction: Instruction,
        claim: Claim,
        tile: Tile,
        x: slice,
        channel0: int,
        residual: Symbols | None,
        found: Symbols,
    ) -> None:
        """Set the symbols of pixels `x`: elements, and what is before the run where it may reach a result."""
        shape = self._numbering.shapes[claim.tensor]
        first = channel0 + tile.column * self._architecture.columns
        n = max(0, min(found.shape[-1], shape.channels - first))
        y, columns = _pixels(instruction, claim, tile, x)
        elements = self._numbering.elements(
            claim.tensor, first + np.arange(n), y[:, None, None], np.asarray(columns)[:, None]
        )
        for k in range(len(found)):
            found[k, :, x, :n] = elements + k * self._numbering.size(claim.tensor)
        if n < found.shape[-1]:
            stale = residual is not None and bool((residual[:, x, n:] == UNWRITTEN).any())
            for part in tile.parts:
                spare = self._weights_of(part)[:, n : found.shape[-1]].any(axis=1)
                stale = stale or bool((part.operand.symbols[:, x][..., spare] == UNWRITTEN).any())
            if stale:
                found[..., x, n:] = UNWRITTEN

    def _check(
        self,
        instruction: Instruction,
        claim: Claim,
        tile: Tile,
        x: slice,
        channel0: int,
        width: int,
        residual: Symbols | None,
    ) -> None:
        """Some derivation of the claimed elements is what the machine computes."""
        shape = self._numbering.shapes.get(claim.tensor)
        first = channel0 + tile.column * self._architecture.columns
        rows, columns = _pixels(instruction, claim, tile, x)
        ways = self._ways[claim.tensor]
        if shape is None or not ways:
            raise NotCertified(f"nothing that the array computes is {claim.tensor!r}")
        if first < 0 or not _within(rows, shape.height) or not _within(columns, shape.width):
            raise NotCertified(f"makes elements that {claim.tensor!r} does not have")
        if first >= shape.channels:
            # A column group that is no channel's: nobody's results, where the layer lets the array make such.
            if not all(way.affine.spare_columns for way in ways):
                raise NotCertified(f"makes channels that {claim.tensor!r} does not have")
            return
        channels = np.arange(first, min(first + width, shape.channels))
        reasons: list[str] = []
        for way in ways:
            try:
                self._fields(instruction, way, tile)
                if way.residual is not None and residual is not None:
                    self._residual(way.residual, residual[:, x], channels, rows, columns)
                self._sums(way.affine, tile, channels, rows, columns, x)
            except NotCertified as reason:
                reasons.append(str(reason))
            else:
                return
        raise NotCertified(f"does not make {claim.tensor!r}: {'; or '.join(dict.fromkeys(reasons))}")

    def _fields(self, instruction: Instruction, way: Derivation, tile: Tile) -> None:
        for name, value in way.required.items():
            if instruction[name] != value:
                raise NotCertified(f"{name} is {instruction[name]}, and must be {value}")
        if way.table is not None and not (tile.table is not None and np.array_equal(tile.table, way.table)):
            raise NotCertified("the table that is loaded is not the layer's")

    def _residual(self, tensor: str, found: Symbols, channels: Ints, rows: Ints, columns: Ints) -> None:
        """The residual operand of each element; of a tensor of one pixel it is that one for all."""
        shape = self._numbering.shapes[tensor]
        if (shape.height, shape.width) == (1, 1):
            rows, columns = 0 * rows, 0 * columns
        expected = self._numbering.elements(tensor, channels, rows[:, None, None], columns[:, None])
        width = min(found.shape[-1], len(channels))
        if (found[..., :width] != expected[..., :width]).any():
            raise NotCertified(f"a residual operand is not the element of {tensor!r}")

    def _weights_of(self, part: Part) -> NDArray[np.int8]:
        """int8 [positions, columns]."""
        return tile_weights(self._weights, part.tiles, self._architecture)

    def _sums(self, affine: Affine, tile: Tile, channels: Ints, rows: Ints, columns: Ints, x: slice) -> None:
        y0, x0, phase = affine.origin(rows, columns)
        matches = [self._match(part.operand, y0, x0, affine, x) for part in tile.parts]
        key = (
            affine,
            phase,
            channels.tobytes(),
            tile.parameters.tobytes(),
            *(piece for found in matches for piece in found.key),
            *(part.tiles.tobytes() for part in tile.parts),
            *(part.operand.pad for part in tile.parts),
        )
        positions = sum(len(found.taps) for found in matches)
        self.products += positions * len(rows) * len(columns) * len(channels)
        if key in self._checked:
            return
        weights = [self._weights_of(part) for part in tile.parts]
        bias = tile.parameters[:, :4].copy().view("<i4")[:, 0].astype(np.int64)
        self._parameters(affine, phase, channels, tile.parameters)
        pads = [np.full(len(found.taps), part.operand.pad) for found, part in zip(matches, tile.parts, strict=True)]
        group = ColumnGroup(
            np.concatenate([found.taps for found in matches]),
            np.concatenate([found.padded for found in matches]),
            np.concatenate(pads),
            np.concatenate(weights),
            bias,
        )
        if check_sums(affine, phase, channels, group, (y0, x0), self._architecture.accumulator_bits):
            self._checked.add(key)

    def _match(self, operand: Operand, y0: Ints, x0: Ints, affine: Affine, x: slice) -> Match:
        key = (affine, y0.tobytes(), x0.tobytes(), x.start)
        if key not in operand.matches:
            operand.matches[key] = match(operand.symbols[:, x], y0, x0, affine, self._numbering)
        return operand.matches[key]

    def _parameters(self, affine: Affine, phase: int, channels: Ints, parameters: NDArray[np.uint8]) -> None:
        patterns = parameters[:, 4:].copy().view("<u4")[:, 0]
        n = len(channels)
        expected = np.repeat(_ONE, n) if affine.multiplier is None else affine.multiplier(channels, phase)
        if (patterns[:n] != expected).any():
            channel = int(channels[np.flatnonzero(patterns[:n] != expected)[0]])
            raise NotCertified(f"the multiplier of channel {channel} is not the layer's")
        values = patterns[:n].view(np.float32)
        if not ((values >= _MULTIPLIERS[0]) & (values < _MULTIPLIERS[1])).all():
            raise NotCertified("a multiplier is outside [2**-40, 2**8), where the output stage is exact")
        if not affine.spare_columns and (parameters[n:, :4].any() or (patterns[n:] != _ONE).any()):
            raise NotCertified("the parameters of a column that is no channel's are not 0 and 1.0")


def tile_weights(weights: NDArray[np.uint8], tiles: Ints, architecture: Architecture) -> NDArray[np.int8]:
    """int8 [passes * R, columns] of the weight tiles at these offsets."""
    found = weights[tiles[:, None] + np.arange(architecture.tile_bytes)]
    return found.view(np.int8).reshape(-1, architecture.columns)


def _within(places: Ints, end: int) -> bool:
    return bool(places.size) and int(places.min()) >= 0 and int(places.max()) < end


def _pixels(instruction: Instruction, claim: Claim, tile: Tile, x: slice) -> tuple[Ints, Ints]:
    """Output rows of the tile and output columns of its pixels `x`."""
    rows = claim.y0 + (tile.y0 + np.arange(tile.rows)) * claim.y_step
    count = np.arange(instruction["n_x"])[x]
    return rows, claim.x0 + (0 * count if claim.x_channels else count * claim.x_step)


def _places(instruction: Instruction, claim: Claim) -> Iterator[tuple[slice, int]]:
    """Pixels and the first channel that they make: all pixels at once, unless pixels are channels."""
    if not claim.x_channels:
        yield slice(None), claim.channel0
        return
    for x in range(instruction["n_x"]):
        yield slice(x, x + 1), claim.channel0 + x * claim.x_channels
