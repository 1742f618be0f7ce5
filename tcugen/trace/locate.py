"""Finds the first write at which golden, emulator and RTL part, in one image's traces.

Layers are searched in execution order, a layer's writes in the order of time. The records of a layer are matched with
what its instructions write one by one, so a difference in one layer does not blur the next.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.isa import Opcode
from tcugen.program import Observation, Program
from tcugen.trace.difference import Comparison, Difference, Kind, LayerCount
from tcugen.trace.writes import PADDING, Writes, tile_of, writes_of

Tensors = Mapping[str, np.ndarray]
"""int8 or int32 [C, H, W] by tensor name: one image."""


@dataclass(frozen=True)
class Sides:
    """What one image should be and what became of it.

    Attributes:
        golden: Every tensor of the network.
        emulator: Every tensor that the program writes; None if the emulator did not come to its end.
        drains, pools: The RTL's traces, records of `simulator.run.trace_dtype`; they may end early.
    """

    golden: Tensors
    emulator: Tensors | None
    drains: np.ndarray
    pools: np.ndarray


def locate(program: Program, sides: Sides, image: int = 0) -> Comparison:
    """The first difference and the counts of every layer.

    Args:
        image: Number to put into the difference.
    """
    records = {Opcode.DRAIN: _ByLayer(sides.drains), Opcode.POOL: _ByLayer(sides.pools)}
    first: Difference | None = None
    counts: list[LayerCount] = []
    for number in range(len(program.layers)):
        layer = _Layer(program, number, sides)
        for opcode, stream in records.items():
            layer.take(opcode, stream.of(number))
        counts.append(layer.count())
        if first is None and layer.events:
            first = layer.describe(min(layer.events, key=lambda event: event.order))
    if first is None:
        first = _unknown_layer(records, len(program.layers))
    return Comparison(first and replace(first, image=image), tuple(counts))


class _ByLayer:
    """The records of one trace by layer number, each layer's in order."""

    def __init__(self, records: np.ndarray):
        self._records = records
        self._order = np.argsort(records["layer"], kind="stable")
        self._layers = records["layer"][self._order]

    def of(self, layer: int) -> np.ndarray:
        start, end = np.searchsorted(self._layers, (layer, layer + 1))
        return self._records[self._order[start:end]]

    def from_layer(self, layer: int) -> np.ndarray:
        return self._records[self._order[np.searchsorted(self._layers, layer) :]]


@dataclass(frozen=True)
class _Event:
    """Something wrong at one write; `place` is the byte of the tensor, `cycle` None if the write never came."""

    kind: Kind | None  # None: the values tell
    observation: Observation | None
    writes: Writes | None
    write: int
    place: int
    cycle: int | None
    address: int | None

    @property
    def order(self) -> tuple[bool, int]:
        """Writes that never came are after all that did."""
        return self.cycle is None, self.cycle or 0


@dataclass
class _Layer:
    """One layer being compared; `events` holds the first wrong write of each instruction that has one."""

    program: Program
    number: int
    sides: Sides
    events: list[_Event] = field(default_factory=list)
    misplaced: int = 0

    def __post_init__(self):
        self.tensor = self.program.layers[self.number].tensor
        golden = self.sides.golden[self.tensor]
        self.bytes_per_element = golden.dtype.itemsize
        self.golden = _bytes(golden)
        self.emulator = None if self.sides.emulator is None else _bytes(self.sides.emulator[self.tensor])
        self.rtl = np.zeros_like(self.golden)
        self.written = np.zeros(self.golden.shape, bool)
        pixels = self.golden.size // len(golden)
        for shared in self.program.shared:
            # What another layer writes is judged there.
            if shared.tensor == self.tensor:
                here = slice(shared.first * pixels, (shared.first + shared.channels) * pixels)
                self.rtl[here], self.written[here] = self.golden[here], True

    def take(self, opcode: Opcode, records: np.ndarray) -> None:
        """Match all records of this layer that instructions of `opcode` made."""
        last, at = None, 0
        for observation in self._observations(opcode):
            writes = writes_of(self.program, observation)
            self._match(observation, writes, records[at : at + writes.addresses.size])
            last, at = observation, at + writes.addresses.size
        if at < records.size:
            cycle, address = int(records["cycle"][at]), int(records["address"][at])
            self.events.append(_Event(Kind.SURPLUS, last, None, at, PADDING, cycle, address))

    def _observations(self, opcode: Opcode) -> Iterator[Observation]:
        for observation in self.program.observations:
            instruction = self.program.instructions[observation.instruction]
            if instruction["layer"] == self.number and instruction.opcode == opcode:
                yield observation

    def _match(self, observation: Observation, writes: Writes, records: np.ndarray) -> None:
        places, data = writes.places[: records.size], records["data"]
        real = places != PADDING
        self.rtl[places[real]] = data[real]
        self.written[places[real]] = True

        wrong_address = records["address"] != writes.addresses[: records.size]
        wrong_data = data != self.golden[places]
        if self.emulator is not None:
            wrong_data |= self.emulator[places] != self.golden[places]
        wrong_data &= real
        self.misplaced += int(np.count_nonzero(wrong_address))
        wrong = np.flatnonzero(wrong_address | wrong_data.any(axis=1))
        if wrong.size:
            write = int(wrong[0])
            kind = Kind.ADDRESS if wrong_address[write] else None
            self._add(kind, observation, writes, write, wrong_data[write], records)
        elif records.size < writes.addresses.size:
            self._add(Kind.MISSING, observation, writes, records.size, None, records)

    def _add(
        self,
        kind: Kind | None,
        observation: Observation,
        writes: Writes,
        write: int,
        wrong_bytes: np.ndarray | None,
        records: np.ndarray,
    ) -> None:
        byte = 0 if wrong_bytes is None else int(wrong_bytes.argmax())
        came = write < records.size
        self.events.append(
            _Event(
                kind=kind,
                observation=observation,
                writes=writes,
                write=write,
                place=int(writes.places[write, byte]),
                cycle=int(records["cycle"][write]) if came else None,
                address=int(records["address"][write]) if came else None,
            )
        )

    def count(self) -> LayerCount:
        written = self.written.reshape(-1, self.bytes_per_element).all(axis=1)
        return LayerCount(
            layer=self.number,
            tensor=self.tensor,
            elements=written.size,
            rtl=int(np.count_nonzero(self._differing(self.rtl) & written)),
            emulator=None if self.emulator is None else int(np.count_nonzero(self._differing(self.emulator))),
            missing=int(np.count_nonzero(~written)),
            misplaced=self.misplaced,
        )

    def _differing(self, data: np.ndarray) -> np.ndarray:
        return (data != self.golden).reshape(-1, self.bytes_per_element).any(axis=1)

    def describe(self, event: _Event) -> Difference:
        found = Difference(
            kind=event.kind or Kind.ALL,
            image=0,
            layer=self.number,
            nodes=self.program.layers[self.number].nodes,
            tensor=self.tensor,
            instruction=event.observation and event.observation.instruction,
            write=event.write,
            address=event.address,
            cycle=event.cycle,
        )
        if event.writes is None or event.observation is None:
            return found
        instruction = self.program.instructions[event.observation.instruction]
        found = replace(
            found,
            tile=tile_of(instruction, int(event.writes.groups[event.write]), int(event.writes.rows[event.write])),
            expected_address=int(event.writes.addresses[event.write]),
        )
        return found if event.place == PADDING else self._with_values(found, event)

    def _with_values(self, found: Difference, event: _Event) -> Difference:
        element = event.place // self.bytes_per_element
        golden, rtl = self._value(self.golden, element), self._value(self.rtl, element)
        emulator = None if self.emulator is None else self._value(self.emulator, element)
        channel, row, column = np.unravel_index(element, self.sides.golden[self.tensor].shape)
        return replace(
            found,
            kind=event.kind or _kind(golden, emulator, rtl),
            element=(int(channel), int(row), int(column)),
            golden=golden,
            emulator=emulator,
            rtl=None if event.cycle is None else rtl,
        )

    def _value(self, data: NDArray[np.uint8], element: int) -> int:
        size = self.bytes_per_element
        return int.from_bytes(data[element * size :][:size].tobytes(), "little", signed=True)


def _bytes(tensor: NDArray[Any]) -> NDArray[np.uint8]:
    """The tensor's little-endian bytes, uint8 [C * H * W * itemsize]."""
    little = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8)


def _kind(golden: int, emulator: int | None, rtl: int) -> Kind:
    if emulator is None or emulator == golden:
        return Kind.RTL
    if rtl == golden:
        return Kind.EMULATOR
    return Kind.PROGRAM if rtl == emulator else Kind.ALL


def _unknown_layer(records: Mapping[Opcode, _ByLayer], layers: int) -> Difference | None:
    """The first write that carries a layer number beyond the program's."""
    found = np.concatenate([stream.from_layer(layers)[["cycle", "address", "layer"]] for stream in records.values()])
    if not found.size:
        return None
    first = found[found["cycle"].argmin()]
    return Difference(Kind.SURPLUS, 0, int(first["layer"]), address=int(first["address"]), cycle=int(first["cycle"]))
