"""The architecture of one tensor compute unit: every size the hardware, the compiler and the emulator share.

One frozen dataclass holds the free parameters; everything that follows from them is a property. The JSON form
(`architecture.json` beside the emitted Verilog) holds the free parameters only.
"""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass

ACTIVATION_BANKS = 4
"""Banks of the activation memory, low-order interleaved by word; an unaligned read takes two neighbours."""

MAX_ACTIVATION_KIB = 8192
"""Largest activation memory."""

ROW_SIZES = (4, 8, 16, 32)
"""Supported numbers of rows: an activation word is as many bytes, and bytes of words are addressed by bits."""

COLUMN_SIZES = range(2, 33, 2)
"""Supported numbers of columns: tiles and parameter groups of an even number fill whole beats of most buses."""

BUS_SIZES = (4, 8, 16, 32, 64)
"""Supported bytes per AXI4 beat."""

BURST_BEATS = 32
"""Longest burst the machine issues, in beats; short enough that no reader blocks another for long."""

PAGE_BYTES = 4096
"""No AXI4 burst crosses a multiple of this, and window bases are multiples of it."""

ACCUMULATOR_BANKS = 2
"""Banks of accumulators, which take turns."""

QUEUE_DEPTH = 8
"""Instructions that wait in the queue of one unit, one more at its gate; the next one stops the dispatch of all."""

PARAMETER_BYTES = 8
"""Bytes of output parameters per output channel: int32 folded bias, float32 multiplier."""

TABLE_ENTRIES = 256
"""Entries of a table: one for every int8 value."""

FRACTION_BITS = 16
"""Fraction bits of a sum that a residual operand is added to before it is rounded: it counts steps of the result."""

DEPTHWISE_COLUMNS = 3
"""Kernel columns of a depthwise convolution beside the array; narrower kernels have weights of 0 in those after."""

DEPTHWISE_ROWS = 7
"""The most kernel rows of a depthwise convolution beside the array."""

DEPTHWISE_STRIDE = 15
"""Its largest stride: what the fields of its instruction hold."""


ROW_RULE = f"one of {', '.join(map(str, ROW_SIZES))}"
COLUMN_RULE = f"an even number between {COLUMN_SIZES[0]} and {COLUMN_SIZES[-1]}"


class ArchitectureError(ValueError):
    """An architecture parameter outside what the generator can build. The message names value, rule and remedy."""


OPTIONAL = frozenset({"tables", "multiply", "per_channel", "unrounded_add", "parity", "depthwise"})
"""Parameters of hardware that most machines do not have: 0 there, and left out of files."""

UNSEEN = frozenset({"parity"})
"""Parameters that no program depends on: they are no part of the fingerprint, nor of program files."""


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


def bits_for(count: int) -> int:
    """Bits that hold the numbers 0 .. count - 1, at least one."""
    return max(1, (count - 1).bit_length())


def most_lanes(rows: int, columns: int) -> int:
    """The most output lanes that an array can have: the largest power of two that divides rows and columns."""
    common = math.gcd(rows, columns)
    return common & -common


@dataclass(frozen=True)
class Architecture:
    """Free parameters of a tensor compute unit.

    Attributes:
        rows: Array rows; each takes one input channel (or folded tap) per cycle. An activation word is `rows` bytes.
        columns: Array columns, one output channel each.
        activation_kib: Activation memory in KiB.
        bus_bytes: Bytes per AXI4 beat.
        accumulator_bits: Width of one signed accumulator.
        accumulator_depth: Output pixels one accumulator bank holds; there are two banks.
        weight_tiles: Capacity of the weight ring in tiles of rows x columns bytes; a power of two.
        parameter_groups: Capacity of the parameter ring in groups of `columns` output channels; a power of two.
        output_lanes: Results per cycle of the output path; a power of two that divides rows and columns.
        bus_address_bits: Width of AXI4 addresses.
        tables: 1 if results can pass through a table of 256 entries, 0 if that hardware is absent.
        multiply: 1 if a sum can be multiplied by the residual operand, 0 if that hardware is absent.
        per_channel: 1 if a residual operand can have one value per channel, 0 if that hardware is absent.
        unrounded_add: 1 if a residual operand can be added to a sum that is not rounded before, 0 if that hardware is
            absent.
        parity: 1 if memories have a parity bit per lane, whose error ends a run, 0 if they have none. Programs and
            cycles are the same.
        depthwise: Requantising lanes of the pool unit, which then executes depthwise convolutions beside the array: a
            power of two between rows / 8 and rows. 0 if that hardware is absent.

    Raises:
        ArchitectureError: If a value is outside its range.
    """

    rows: int = 16
    columns: int = 16
    activation_kib: int = 1280
    bus_bytes: int = 8
    accumulator_bits: int = 28
    accumulator_depth: int = 256
    weight_tiles: int = 256
    parameter_groups: int = 32
    output_lanes: int = 4
    bus_address_bits: int = 40
    tables: int = 0
    multiply: int = 0
    per_channel: int = 0
    unrounded_add: int = 0
    parity: int = 0
    depthwise: int = 0

    def __post_init__(self):
        def require(holds: bool, name: str, rule: str):
            if not holds:
                raise ArchitectureError(f"{name} is {getattr(self, name)!r}, but it must be {rule}")

        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ArchitectureError(f"{field.name} is {value!r}, but it must be an integer")
        require(self.rows in ROW_SIZES, "rows", ROW_RULE)
        require(self.columns in COLUMN_SIZES, "columns", COLUMN_RULE)
        require(self.bus_bytes in BUS_SIZES, "bus_bytes", f"one of {', '.join(map(str, BUS_SIZES))}")
        for item, size in (("weight tile", self.tile_bytes), ("parameter group", self.parameter_group_bytes)):
            require(
                size % self.bus_bytes == 0,
                "bus_bytes",
                f"a divisor of the {size} bytes of a {item} on a {self.rows}x{self.columns} array; use a narrower bus "
                "or a number of columns that is a multiple of a larger power of two",
            )
        require(
            1 <= self.activation_kib <= MAX_ACTIVATION_KIB, "activation_kib", f"between 1 and {MAX_ACTIVATION_KIB} KiB"
        )
        require(20 <= self.accumulator_bits <= 32, "accumulator_bits", "between 20 and 32 bits")
        require(
            16 <= self.accumulator_depth <= 4096 and _is_power_of_two(self.accumulator_depth),
            "accumulator_depth",
            "a power of two between 16 and 4096 pixels",
        )
        require(
            2 <= self.weight_tiles <= 16384 and _is_power_of_two(self.weight_tiles),
            "weight_tiles",
            "a power of two between 2 and 16384 tiles",
        )
        require(
            2 <= self.parameter_groups <= 4096 and _is_power_of_two(self.parameter_groups),
            "parameter_groups",
            "a power of two between 2 and 4096 groups",
        )
        most = most_lanes(self.rows, self.columns)
        require(
            _is_power_of_two(self.output_lanes) and self.output_lanes <= most,
            "output_lanes",
            f"a power of two that divides rows and columns, up to {most} on a {self.rows}x{self.columns} array",
        )
        require(32 <= self.bus_address_bits <= 64, "bus_address_bits", "between 32 and 64 bits")
        for name in sorted(OPTIONAL - {"depthwise"}):
            require(getattr(self, name) in (0, 1), name, "0 or 1")
        fewest = max(1, self.rows // PARAMETER_BYTES)
        require(
            self.depthwise == 0 or (_is_power_of_two(self.depthwise) and fewest <= self.depthwise <= self.rows),
            "depthwise",
            f"0, or a power of two between {fewest} and {self.rows} lanes with {self.rows} rows",
        )

    @property
    def for_programs(self) -> "Architecture":
        """Without UNSEEN parameters: machines that are the same without them run each other's programs."""
        return dataclasses.replace(self, **dict.fromkeys(UNSEEN, 0))

    @property
    def options(self) -> frozenset[str]:
        """Names of the OPTIONAL parameters that are not 0."""
        return frozenset(name for name in OPTIONAL if getattr(self, name))

    @property
    def multipliers(self) -> int:
        """8x8 multipliers of the array: multiply-accumulates per cycle at the peak."""
        return self.rows * self.columns

    @property
    def activation_bytes(self) -> int:
        return self.activation_kib * 1024

    @property
    def activation_words(self) -> int:
        """Words of `rows` bytes in the activation memory."""
        return self.activation_bytes // self.rows

    @property
    def activation_address_bits(self) -> int:
        """Of a byte in the activation memory: units may leave those above out of their sums, as no memory sees them."""
        return bits_for(self.activation_bytes)

    @property
    def activation_bank_words(self) -> int:
        return self.activation_words // ACTIVATION_BANKS

    @property
    def tile_bytes(self) -> int:
        return self.rows * self.columns

    @property
    def weight_buffer_bytes(self) -> int:
        return self.weight_tiles * self.tile_bytes

    @property
    def parameter_group_bytes(self) -> int:
        return self.columns * PARAMETER_BYTES

    @property
    def parameter_buffer_bytes(self) -> int:
        return self.parameter_groups * self.parameter_group_bytes

    @property
    def weight_burst_beats(self) -> int:
        """Most beats of a burst of weights: a power of two that half of the weight ring holds.

        Half a ring and a tile of which only a part has come always fit, so the room for a burst comes in the end.
        """
        half = self.weight_buffer_bytes // self.bus_bytes // 2
        return min(BURST_BEATS, 1 << half.bit_length() - 1)

    @property
    def table_groups(self) -> int:
        """Parameter groups that a table fills on its way to the output path."""
        return -(-TABLE_ENTRIES // self.parameter_group_bytes)

    @property
    def table_bytes(self) -> int:
        """Bytes of the tables, one per output lane."""
        return TABLE_ENTRIES * self.output_lanes if self.tables else 0

    def depthwise_block_bytes(self, kernel_rows: int) -> int:
        """Bytes of the weights and parameters of one channel group of a depthwise convolution beside the array.

        Words of `rows` bytes, one byte per channel, kernel row by kernel row and in it DEPTHWISE_COLUMNS kernel
        columns; then the channels' parameters.
        """
        return (DEPTHWISE_COLUMNS * kernel_rows + PARAMETER_BYTES) * self.rows

    @property
    def depthwise_multipliers(self) -> int:
        """8x8 multipliers of the depthwise convolution, beside those of its requantising lanes."""
        return DEPTHWISE_COLUMNS * self.rows if self.depthwise else 0

    @property
    def accumulator_bytes(self) -> int:
        """Bytes of both accumulator banks, rounded up."""
        return -(-2 * self.accumulator_depth * self.columns * self.accumulator_bits // 8)

    @property
    def output_steps(self) -> int:
        """Cycles the output path needs for the columns of one pixel."""
        return self.columns // self.output_lanes

    @property
    def partial_sum_bits(self) -> int:
        """Bits of the sum of `rows` products of two int8: |product| <= 2**14, so 16 + log2(rows) bits, signed."""
        return 16 + (self.rows - 1).bit_length()

    def to_dict(self) -> dict[str, int]:
        """The free parameters; what is absent is left out, so that machines without it keep their fingerprint."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in OPTIONAL or value}

    @classmethod
    def from_dict(cls, values: dict[str, int]) -> "Architecture":
        """Inverse of `to_dict`; raises ArchitectureError on unknown or missing keys."""
        names = {field.name for field in dataclasses.fields(cls)}
        if not names - OPTIONAL <= set(values) <= names:
            missing, unknown = sorted(names - OPTIONAL - set(values)), sorted(set(values) - names)
            raise ArchitectureError(f"architecture keys do not match: missing {missing}, unknown {unknown}")
        return cls(**values)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @property
    def fingerprint(self) -> int:
        """32-bit identification of this architecture; the register ARCHITECTURE reads the same value.

        Machines that are the same `for_programs` have the same.
        """
        digest = hashlib.sha256(json.dumps(self.for_programs.to_dict(), sort_keys=True).encode()).digest()
        return int.from_bytes(digest[:4], "big")
