"""From a DRAIN instruction to steps: each step is `output_lanes` channels of one pixel.

Loops, outermost first: column group, output row, pixel, byte plane (int32 results), lane step.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode
from tcugen.rtl.column_groups import column_after
from tcugen.rtl.decode import INSTRUCTION_BITS, fields


def step_layout(architecture: Architecture) -> data.StructLayout:
    """Where one step's results go.

    address: Byte address in the activation memory.
    pad_steps: Steps of zeros after them, in the same word.
    tile_ends: Last step of a tile.
    """
    pad_bits = bits_for(architecture.rows // architecture.output_lanes)
    return data.StructLayout({"address": ACTIVATION_ADDRESS_BITS, "pad_steps": pad_bits, "tile_ends": 1})


class DrainWalker(Component):
    """Walks a DRAIN instruction over full accumulator banks.

    Members:
        start, word: Pulse to begin with the instruction in `word`, which must not change until `active` falls.
        filled: The array has completed a tile.
        groups_written: Position after the last complete group of the parameter ring.
        residual_valid: The residual word of this step is there.
        go: A step is taken; all outputs below belong to it.
        step, lane_step, byte_plane: Place of the results, which `output_lanes` of the columns, which byte.
        read_en, bank, pixel: First step of a pixel: read its accumulators.
        group: Parameter group (position in the ring); `lane_step` is the unit.
        residual_byte, residual_pop: Byte of the residual word at which the lanes start; the word is used up.
        bank_released, group_released: Pulses: the accumulator bank, the oldest parameter group may be overwritten. The
            former comes one cycle after the bank's last pixel has been read, the latter one after the last step.

    Rate: one step per cycle.
    """

    start: Signal
    word: Signal
    active: Signal
    filled: Signal
    groups_written: Signal
    residual_valid: Signal
    go: Signal
    step: data.View
    lane_step: Signal
    byte_plane: Signal
    read_en: Signal
    bank: Signal
    pixel: Signal
    group: Signal
    pass_group: Signal
    residual_byte: Signal
    residual_pop: Signal
    bank_released: Signal
    group_released: Signal

    def __init__(self, architecture: Architecture):
        a = self.architecture = architecture
        self.group_bits = bits_for(a.parameter_groups) + 1
        super().__init__(
            {
                "start": In(1),
                "word": In(INSTRUCTION_BITS),
                "active": Out(1),
                "filled": In(1),
                "groups_written": In(self.group_bits),
                "residual_valid": In(1),
                "go": Out(1),
                "step": Out(step_layout(a)),
                "lane_step": Out(bits_for(a.output_steps)),
                "byte_plane": Out(2),
                "read_en": Out(1),
                "bank": Out(1),
                "pixel": Out(bits_for(a.accumulator_depth)),
                "group": Out(self.group_bits),
                "residual_byte": Out(bits_for(a.rows)),
                "residual_pop": Out(1),
                "bank_released": Out(1),
                "group_released": Out(1),
                # Where there are tables: the group was one of a table, the next one follows. Between instructions only.
                **({"pass_group": In(1)} if a.tables else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        a = self.architecture
        f = fields(Opcode.DRAIN, self.word)
        column_at, row_at, pixel_at, step_at = (
            Signal(ACTIVATION_ADDRESS_BITS, name=f"{level}_at") for level in ("column", "row", "pixel", "step")
        )
        plane_at = Signal(ACTIVATION_ADDRESS_BITS)  # of the byte plane under way, at its first channel
        column_byte = Signal(bits_for(a.rows))
        byte = Signal(bits_for(a.rows))
        column, y, x = (
            Signal.like(limit, name=name) for name, limit in (("column", f.n_columns), ("y", f.n_y), ("x", f.n_x))
        )
        block_row = Signal.like(f.block_rows)
        full = Signal(range(4))  # tiles not emptied: two, and one more in the bank that was released early
        group_start = Signal(self.group_bits)

        last_column, last_y, last_x, last_plane, last_step, block_ends, word_ends = (
            Signal(name=name)
            for name in ("last_column", "last_y", "last_x", "last_plane", "last_step", "block_ends", "word_ends")
        )
        pixel_ends = Signal()
        tile_ends = Signal()
        emptied = Signal()
        m.d.comb += [
            last_column.eq(column + 1 == f.n_columns),
            last_y.eq(y + 1 == f.n_y),
            last_x.eq(x + 1 == f.n_x),
            last_plane.eq(~f.int32 | (self.byte_plane == 3)),
            last_step.eq(self.lane_step + 1 == Mux(last_column, f.last_steps, a.output_steps)),
            block_ends.eq(last_y | (block_row + 1 == f.block_rows)),
            word_ends.eq(byte == a.rows - a.output_lanes),
            pixel_ends.eq(last_step & last_plane),
            tile_ends.eq(pixel_ends & last_x & block_ends),
            self.go.eq(
                self.active & (full != 0) & (self.group != self.groups_written) & (~f.residual | self.residual_valid)
            ),
            self.step.address.eq(step_at + byte),
            self.step.pad_steps.eq(Mux(last_column & last_step, f.pad_steps, 0)),
            self.step.tile_ends.eq(tile_ends),
            self.read_en.eq(self.go & (self.lane_step == 0) & (self.byte_plane == 0)),
            self.residual_byte.eq(byte),
            self.residual_pop.eq(self.go & f.residual & (last_step | word_ends)),
            emptied.eq(self.go & tile_ends),
        ]
        m.d.sync += [
            self.bank_released.eq(self.read_en & last_x & block_ends),
            self.group_released.eq(emptied & last_y & ~f.keep),
        ]
        with m.If(self.filled & ~emptied):
            m.d.sync += full.eq(full + 1)
        with m.If(~self.filled & emptied):
            m.d.sync += full.eq(full - 1)

        if a.tables:
            with m.If(self.pass_group):
                m.d.sync += self.group.eq(self.group + 1)
        with m.If(self.start):
            m.d.sync += [
                self.active.eq(1),
                *(at.eq(f.out_base) for at in (column_at, row_at, pixel_at, plane_at, step_at)),
                column_byte.eq(f.channel0),
                byte.eq(f.channel0),
                *(counter.eq(0) for counter in (column, y, x, block_row, self.lane_step, self.byte_plane, self.pixel)),
                group_start.eq(self.group),
            ]

        def begin_pixel(at, first_byte):
            return [pixel_at.eq(at), plane_at.eq(at), step_at.eq(at), byte.eq(first_byte)]

        with m.If(self.go):
            m.d.sync += [self.lane_step.eq(self.lane_step + 1), byte.eq(byte + a.output_lanes)]
            with m.If(word_ends):
                m.d.sync += [byte.eq(0), step_at.eq(step_at + f.out_plane_step)]
            with m.If(last_step):
                next_plane = (plane_at + f.byte_step)[:ACTIVATION_ADDRESS_BITS]
                m.d.sync += [self.lane_step.eq(0), byte.eq(column_byte)]
                m.d.sync += [self.byte_plane.eq(self.byte_plane + 1), plane_at.eq(next_plane), step_at.eq(next_plane)]
            with m.If(pixel_ends):
                next_pixel = (pixel_at + f.out_x_step)[:ACTIVATION_ADDRESS_BITS]
                m.d.sync += [self.byte_plane.eq(0), x.eq(x + 1), self.pixel.eq(self.pixel + 1)]
                m.d.sync += begin_pixel(next_pixel, column_byte)
            with m.If(pixel_ends & last_x):
                next_row = (row_at + f.out_y_step)[:ACTIVATION_ADDRESS_BITS]
                m.d.sync += [x.eq(0), y.eq(y + 1), block_row.eq(block_row + 1), row_at.eq(next_row)]
                m.d.sync += begin_pixel(next_row, column_byte)
            with m.If(tile_ends):
                m.d.sync += [self.bank.eq(~self.bank), self.pixel.eq(0), block_row.eq(0)]
            with m.If(tile_ends & last_y):
                at = Signal.like(column_at, name="next_column_at")
                first_byte = Signal.like(column_byte, name="next_column_byte")
                next_at, next_byte = column_after(a, column_at, column_byte, f.out_plane_step)
                m.d.comb += [at.eq(next_at), first_byte.eq(next_byte)]
                m.d.sync += [y.eq(0), column.eq(column + 1), self.group.eq(self.group + 1)]
                m.d.sync += [column_at.eq(at), row_at.eq(at), column_byte.eq(first_byte)]
                m.d.sync += begin_pixel(at, first_byte)
                with m.If(last_column):
                    m.d.sync += self.active.eq(0)
                    with m.If(f.keep):
                        m.d.sync += self.group.eq(group_start)
        return m
