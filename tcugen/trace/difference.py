"""What a comparison of golden, emulator and RTL finds: the first difference, and how far it spreads."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tcugen.trace.writes import Tile


class Kind(StrEnum):
    """Who differs from whom."""

    RTL = "rtl"
    """The RTL wrote another value than golden and emulator have: the hardware."""
    PROGRAM = "program"
    """RTL and emulator agree, golden has another value: the compiler, or the arithmetic of one of the sides."""
    EMULATOR = "emulator"
    """The emulator alone differs."""
    ALL = "all"
    """Three different values."""
    ADDRESS = "address"
    """The RTL wrote to another address than the instruction says."""
    MISSING = "missing"
    """A write never came."""
    SURPLUS = "surplus"
    """The RTL wrote more than the program's instructions write."""
    STORE = "store"
    """What was written on chip is right, but an output does not stand in memory as it was written."""


@dataclass(frozen=True)
class Difference:
    """One difference at its place.

    Attributes:
        kind: Who differs.
        image: Number of the image.
        layer, nodes, tensor: Layer number, the nodes it computes, the tensor it makes; None for a surplus write of a
            layer that the program does not have.
        element: (channel, row, column) of the tensor; None where no element is concerned.
        golden, emulator, rtl: Values of that element; None where there is none.
        instruction: Index of the instruction that writes it; None if unknown.
        write: Number of the write within that instruction.
        tile: Where the write stands in the instruction's loops.
        expected_address, address: Byte addresses: of the instruction, of the write; in window OUTPUT for STORE.
        cycle: Since the start write of the image; None if the write never came, or was not traced.
    """

    kind: Kind
    image: int
    layer: int
    nodes: tuple[str, ...] | None = None
    tensor: str | None = None
    element: tuple[int, int, int] | None = None
    golden: int | None = None
    emulator: int | None = None
    rtl: int | None = None
    instruction: int | None = None
    write: int | None = None
    tile: Tile | None = None
    expected_address: int | None = None
    address: int | None = None
    cycle: int | None = None


@dataclass(frozen=True)
class LayerCount:
    """How much of one layer differs, in one image.

    Attributes:
        layer, tensor: Layer number, the tensor it makes.
        elements: Elements of the tensor.
        rtl, emulator: Elements that differ from golden; `emulator` is None if the emulator gave no tensors.
        missing: Elements that the RTL never wrote; not counted in `rtl`.
        misplaced: Writes to wrong addresses.
    """

    layer: int
    tensor: str
    elements: int
    rtl: int
    emulator: int | None
    missing: int
    misplaced: int

    @property
    def differs(self) -> bool:
        return bool(self.rtl or self.emulator or self.missing or self.misplaced)


@dataclass(frozen=True)
class Comparison:
    """One image: the first difference, None if there is none, and counts by layer number."""

    first: Difference | None
    layers: tuple[LayerCount, ...]


@dataclass(frozen=True)
class Focus:
    """Where in the simulation to look: a window of `cycles` cycles from `first` on, since the start of `image`."""

    image: int
    first: int
    cycles: int


@dataclass(frozen=True)
class Diagnosis:
    """Outcome of `diagnose`.

    Attributes:
        first: The first difference of the first image that has one.
        layers: Counts of that image, of the last one that ran if none differs.
        stopped: Why the RTL did not come to its end, None if it did.
        emulator_error: Why the emulator did not, None if it did.
        cycles: Of every image that the RTL finished.
        focus: The window of cycles around the first difference or the end; None if nothing is wrong.
    """

    first: Difference | None
    layers: tuple[LayerCount, ...]
    stopped: str | None
    emulator_error: str | None
    cycles: tuple[int, ...]
    focus: Focus | None

    @property
    def differs(self) -> bool:
        return bool(self.first or self.stopped or self.emulator_error)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"format": 1, "differs": self.differs, **asdict(self)}
