"""From a DRAIN instruction to steps: each step is `output_lanes` channels of one pixel.

Loops, outermost first: column group, output row, pixel, byte plane (int32 results), lane step.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode
from tcugen.rtl.column_groups import column_step
from tcugen.rtl.decode import INSTRUCTION_BITS, DrainFields, fields
from tcugen.rtl.loops import Level, Loops


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
        groups_written: Position after the last complete group of the parameter ring; a group serves from the cycle
            after it is there.
        residual_valid: The residual word of this step is there.
        nears: The next cycle may bring a step: an instruction is under way then, and a tile is filled.
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
    nears: Signal
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
                "nears": Out(1),
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
        byte_bits = bits_for(a.rows)
        column_byte = Signal(byte_bits)  # of the first channel of the column group
        byte = Signal(byte_bits)
        full = Signal(range(4))  # tiles not emptied: two, and one more in the bank that was released early
        group_start = Signal(self.group_bits)
        group_there = Signal()  # the present one; once there it stays
        word_ends = Signal()
        next_steps = Signal(bits_for(a.output_steps + 1))
        loops = Loops(
            m,
            self.start,
            self.go,
            {
                "column": Level(f.n_columns),
                "y": Level(f.n_y),
                "x": Level(f.n_x),
                "plane": Level(Mux(f.int32, 4, 1)),
                "step": Level(self._steps(f, f.n_columns == 1), next_steps),
            },
        )
        last_column, last_y, pixel_ends = loops.last["column"], loops.last["y"], loops.ends["plane"]
        column_turns = loops.turns["column"]
        # Output rows of a block; the last block may have fewer.
        block_left = Signal.like(f.block_rows)
        last_row = Signal()
        block_ends = Signal()
        tile_ends = Signal()
        emptied = Signal()
        next_step, next_byte = column_step(a, column_byte, f.out_plane_step)
        step_at = loops.address(
            "{}_at",
            f.out_base,
            {
                "column": next_step,
                "y": f.out_y_step,
                "x": f.out_x_step,
                "plane": f.byte_step,
                "step": Mux(word_ends, f.out_plane_step, 0),
            },
        )
        m.d.comb += [
            next_steps.eq(self._steps(f, Mux(column_turns, loops.next_last["column"], last_column))),
            block_ends.eq(last_y | last_row),
            word_ends.eq(byte == a.rows - a.output_lanes),
            tile_ends.eq(loops.ends["x"] & block_ends),
            self.go.eq(self.active & (full != 0) & group_there & (~f.residual | self.residual_valid)),
            self.step.address.eq(step_at + byte),
            self.step.pad_steps.eq(Mux(last_column & loops.last["step"], f.pad_steps, 0)),
            self.step.tile_ends.eq(tile_ends),
            self.read_en.eq(self.go & (self.lane_step == 0) & (self.byte_plane == 0)),
            self.residual_byte.eq(byte),
            self.residual_pop.eq(self.go & f.residual & (loops.last["step"] | word_ends)),
            emptied.eq(self.go & tile_ends),
            self.nears.eq((self.start | self.active) & ((full != 0) | self.filled)),
        ]
        m.d.sync += [
            self.bank_released.eq(self.read_en & loops.last["x"] & block_ends),
            self.group_released.eq(emptied & last_y & ~f.keep),
        ]
        with m.If(self.filled & ~emptied):
            m.d.sync += full.eq(full + 1)
        with m.If(~self.filled & emptied):
            m.d.sync += full.eq(full - 1)

        next_there = (self.group + 1)[: self.group_bits] != self.groups_written
        m.d.sync += group_there.eq(self.group != self.groups_written)
        if a.tables:
            with m.If(self.pass_group):
                m.d.sync += [self.group.eq(self.group + 1), group_there.eq(next_there)]
        with m.If(self.start):
            m.d.sync += [
                self.active.eq(1),
                *(at.eq(f.channel0) for at in (column_byte, byte)),
                *(counter.eq(0) for counter in (self.lane_step, self.byte_plane, self.pixel)),
                block_left.eq(f.block_rows),
                last_row.eq(f.block_rows == 1),
                group_start.eq(self.group),
            ]
        with m.If(self.go):
            m.d.sync += [self.lane_step.eq(self.lane_step + 1), byte.eq(byte + a.output_lanes)]
            with m.If(word_ends):
                m.d.sync += byte.eq(0)
            with m.If(loops.last["step"]):
                m.d.sync += [self.lane_step.eq(0), byte.eq(column_byte), self.byte_plane.eq(self.byte_plane + 1)]
            with m.If(pixel_ends):
                m.d.sync += [self.byte_plane.eq(0), self.pixel.eq(self.pixel + 1)]
            with m.If(loops.ends["x"]):
                m.d.sync += [block_left.eq(block_left - 1), last_row.eq(block_left == 2)]
            with m.If(tile_ends):
                m.d.sync += [self.bank.eq(~self.bank), self.pixel.eq(0)]
                m.d.sync += [block_left.eq(f.block_rows), last_row.eq(f.block_rows == 1)]
            with m.If(column_turns):
                m.d.sync += [
                    self.group.eq(self.group + 1),
                    group_there.eq(next_there),
                    column_byte.eq(next_byte),
                    byte.eq(next_byte),
                ]
                with m.If(last_column):
                    m.d.sync += self.active.eq(0)
                    with m.If(f.keep):
                        m.d.sync += [self.group.eq(group_start), group_there.eq(group_start != self.groups_written)]
        return m

    def _steps(self, f: DrainFields, last_column: Value) -> Value:
        """Steps of a pixel of a column group."""
        steps = self.architecture.output_steps
        return Mux(last_column, f.last_steps, steps)[: bits_for(steps + 1)]
