"""The output path: from a full accumulator bank to int8 in the activation memory.

accumulators ─► + bias ─► product ─► requantise, clamp ─► residual add ─► table ─► activation memory
                                          └─► fixed point ─┤
parameters ─────┴────────────────────┘                     │               │
residual words ─► delay ──┴─► delay ───────────────────────┘               │
parameters of tables ──────────────────────────────────────────────────────┘
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import PARAMETER_BYTES, Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode, layout
from tcugen.rtl.activation import drain_layout
from tcugen.rtl.decode import INSTRUCTION_BITS, DrainFields, fields, header
from tcugen.rtl.delay import delayed
from tcugen.rtl.drain import DrainWalker
from tcugen.rtl.fixed_point import FixedPointLanes
from tcugen.rtl.multiply import MultiplyLanes
from tcugen.rtl.parity import plain, wrong_lanes
from tcugen.rtl.requantise import RequantiseLanes
from tcugen.rtl.residual import ResidualLanes
from tcugen.rtl.residual_reader import ResidualReader
from tcugen.rtl.table import TableLanes, TableLoader

SUM_STAGE = 5
"""Cycles from a step to its sums: read the accumulators, choose the bank, choose the lane, add the bias, choose the
byte of a result that leaves as 32 bits."""

FLOAT32_ONE = 0x3F800000


def output_latency(architecture: Architecture) -> int:
    """Cycles from a step to its write."""
    table = TableLanes.LATENCY if architecture.tables else 0
    residual = ResidualLanes.LATENCY + architecture.unrounded_add
    return _scale_stage(architecture) + RequantiseLanes.LATENCY + residual + table


def _scale_stage(architecture: Architecture) -> int:
    """Cycles from a step to what is requantised."""
    return SUM_STAGE + (MultiplyLanes.LATENCY if architecture.multiply else 0)


class OutputPath(Component):
    """Executes DRAIN instructions.

    Members:
        instruction: DRAIN instructions; what follows the header stays until `ready` is 1 again, which is when
            the pipeline was empty in the cycle before, so that controls stand still.
        filled, bank_released: A tile is complete; its bank is free again.
        read_en, read_bank, read_pixel, accumulators: Port of the accumulators.
        groups_written, read_group_en, read_group, read_unit, parameters, group_released: Port of the parameter ring.
        residual_request, residual_word_valid, residual_word: Port of the activation memory.
        write_en, write: Results.
        layer: Layer of the results.
        tile_done: Pulse after the last result of a tile has been written.
        busy: An instruction is under way.
    """

    instruction: stream.Interface
    filled: Signal
    bank_released: Signal
    read_en: Signal
    read_bank: Signal
    read_pixel: Signal
    accumulators: data.View
    groups_written: Signal
    read_group_en: Signal
    read_group: Signal
    read_unit: Signal
    parameters: Signal
    group_released: Signal
    residual_request: stream.Interface
    residual_word_valid: Signal
    residual_word: Signal
    write_en: Signal
    write: data.View
    layer: Signal
    tile_done: Signal
    busy: Signal
    residual_wrong: Signal
    table_wrong: Signal

    def __init__(self, architecture: Architecture):
        a = self.architecture = architecture
        self.walker = DrainWalker(a)
        self.latency = output_latency(a)
        self.unit_bits = 8 * PARAMETER_BYTES * a.output_lanes
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "filled": In(1),
                "bank_released": Out(1),
                "read_en": Out(1),
                "read_bank": Out(1),
                "read_pixel": Out(bits_for(a.accumulator_depth)),
                "accumulators": In(data.ArrayLayout(signed(a.accumulator_bits), a.columns)),
                "groups_written": In(self.walker.group_bits),
                "read_group_en": Out(1),
                "read_group": Out(bits_for(a.parameter_groups)),
                "read_unit": Out(bits_for(a.output_steps)),
                "parameters": In(self.unit_bits),
                "group_released": Out(1),
                "residual_request": Out(stream.Signature(ACTIVATION_ADDRESS_BITS - bits_for(a.rows))),
                "residual_word_valid": In(1),
                "residual_word": In((8 + a.parity) * a.rows),
                "write_en": Out(1),
                "write": Out(drain_layout(a)),
                "layer": Out(layout(Opcode.DRAIN)["layer"].field.bits),
                "tile_done": Out(1),
                "busy": Out(1),
                # Where memories have parity bits: that of a byte of the residual operand, of a table, was wrong.
                **({"residual_wrong": Out(1)} if a.parity else {}),
                **({"table_wrong": Out(1)} if a.parity and a.tables else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walker = walker = self.walker
        m.submodules.residual_reader = reader = ResidualReader(self.architecture)
        word = self.instruction.payload
        start = Signal()
        f = fields(Opcode.DRAIN, word)
        m.d.comb += self.write_en.eq(delayed(m, walker.go, self.latency, "valid_line"))

        flying = Signal(range(self.latency + 2))
        with m.If(walker.go & ~self.write_en):
            m.d.sync += flying.eq(flying + 1)
        with m.If(~walker.go & self.write_en):
            m.d.sync += flying.eq(flying - 1)
        loader = self._table_loader(m, f, start, walker) if self.architecture.tables else None
        begin = start if loader is None else start & ~f.load_table | loader.done
        busy = start | walker.active | reader.active | (flying != 0)
        if loader is not None:
            busy = busy | loader.active | loader.done
        # A register: the instruction memory asks it, and for whom that reads is a long choice of its own.
        ready = Signal(init=1, name="ready")
        taken = Signal(name="instruction_taken")
        m.d.comb += [
            self.busy.eq(busy),
            self.instruction.ready.eq(ready),
            taken.eq(self.instruction.valid & ready),
        ]
        m.d.sync += [start.eq(taken), ready.eq(~taken & ~self.busy)]
        with m.If(taken):
            m.d.sync += self.layer.eq(header(word).layer)

        m.d.comb += [
            *(unit.start.eq(begin) for unit in (walker, reader)),
            *(unit.word.eq(word) for unit in (walker, reader)),
            walker.filled.eq(self.filled),
            walker.groups_written.eq(self.groups_written),
            walker.residual_valid.eq(reader.valid),
            reader.pop.eq(walker.residual_pop),
            reader.response_valid.eq(self.residual_word_valid),
            reader.response.eq(self.residual_word),
            self.residual_request.payload.eq(reader.request.payload),
            self.residual_request.valid.eq(reader.request.valid),
            reader.request.ready.eq(self.residual_request.ready),
            self.bank_released.eq(walker.bank_released),
            self.read_en.eq(walker.read_en),
            self.read_bank.eq(walker.bank),
            self.read_pixel.eq(walker.pixel),
            self.read_group.eq(walker.group),
        ]
        self._parameter_ring(m, walker, loader)
        # With nothing in flight the path stands still: less power, and less work for a simulator. As this drives all
        # registers of the path, it is one itself.
        moving = Signal()
        m.d.sync += moving.eq(walker.nears | (flying != 0))
        line = delayed(m, walker.step, self.latency, "step_line", moving)
        step = data.View(type(walker.step).shape(walker.step), line)
        m.d.comb += [self.write.address.eq(step.address), self.write.pad_steps.eq(step.pad_steps)]
        m.d.sync += self.tile_done.eq(self.write_en & step.tile_ends)
        sums, multipliers = self._sums(m, walker, f, moving)
        self._lanes(m, f, sums, multipliers, walker, reader, loader, moving)
        return m

    def _table_loader(self, m: Module, f: DrainFields, start: Signal, walker: DrainWalker) -> TableLoader:
        m.submodules.table_loader = loader = TableLoader(self.architecture)
        m.d.comb += [
            loader.start.eq(start & f.load_table),
            loader.group_there.eq(walker.group != self.groups_written),
            loader.parameters.eq(self.parameters),
            walker.pass_group.eq(loader.pass_group),
        ]
        return loader

    def _parameter_ring(self, m: Module, walker: DrainWalker, loader: TableLoader | None) -> None:
        """Who reads it: the walker, and before its first step the loader of tables."""
        read, unit, released = walker.go, walker.lane_step, walker.group_released
        if loader is not None:
            read = read | loader.read_en
            unit = Mux(loader.active, loader.read_unit, unit)
            released = released | loader.group_released
        m.d.comb += [self.read_group_en.eq(read), self.read_unit.eq(unit), self.group_released.eq(released)]

    def _sums(self, m: Module, walker: DrainWalker, f, moving: Signal) -> tuple[list[Value], list[Value]]:
        """32-bit sums and multipliers of the lanes, SUM_STAGE cycles after the step."""
        a = self.architecture
        lanes, steps = a.output_lanes, a.output_steps
        lane_step = delayed(m, walker.lane_step, SUM_STAGE - 3, "lane_step_line", moving)
        parameters = Signal.like(self.parameters, name="parameters_read", reset_less=True)
        chosen_parameters = Signal.like(self.parameters, name="parameters_chosen", reset_less=True)
        with m.If(moving):
            m.d.sync += [parameters.eq(self.parameters), chosen_parameters.eq(parameters)]
        byte_plane = delayed(m, walker.byte_plane, SUM_STAGE - 1, "byte_plane_line", moving)
        sums: list[Value] = []
        multipliers: list[Value] = []
        for lane in range(lanes):
            accumulator = Signal(signed(a.accumulator_bits), name=f"accumulator_{lane}", reset_less=True)
            with m.If(moving), m.Switch(lane_step):
                for s in range(steps):
                    with m.Case(s):
                        m.d.sync += accumulator.eq(self.accumulators[s * lanes + lane])
            bias = chosen_parameters[64 * lane : 64 * lane + 32].as_signed()
            total = Signal(signed(32), name=f"total_{lane}", reset_less=True)
            scale = Signal(32, name=f"scale_{lane}", reset_less=True)
            with m.If(moving):
                m.d.sync += [total.eq(accumulator + bias), scale.eq(chosen_parameters[64 * lane + 32 : 64 * lane + 64])]
            # An int32 result leaves as four bytes, each of which a requantisation by 1.0 passes unchanged.
            byte = total.as_unsigned().word_select(byte_plane, 8).as_signed()
            chosen = Signal(signed(32), name=f"sum_{lane}", reset_less=True)
            multiplier = Signal(32, name=f"multiplier_{lane}", reset_less=True)
            with m.If(moving):
                m.d.sync += [chosen.eq(Mux(f.int32, byte, total)), multiplier.eq(Mux(f.int32, FLOAT32_ONE, scale))]
            sums.append(chosen)
            multipliers.append(multiplier)
        return sums, multipliers

    def _lanes(
        self,
        m: Module,
        f: DrainFields,
        sums: list[Value],
        multipliers: list[Value],
        walker: DrainWalker,
        reader: ResidualReader,
        loader: TableLoader | None,
        moving: Signal,
    ) -> None:
        a = self.architecture
        lanes = a.output_lanes
        unrounded = bool(a.unrounded_add)
        m.submodules.requantise = requantise = RequantiseLanes(lanes, unrounded)
        m.submodules.residual = residual = ResidualLanes(lanes, unrounded)
        if unrounded:
            m.submodules.fixed_point = fixed_point = FixedPointLanes(lanes)
            m.d.comb += [
                fixed_point.enable.eq(moving),
                fixed_point.products.eq(requantise.products),
                residual.sums.eq(fixed_point.results),
                residual.unrounded.eq(f.unrounded),
            ]
        operand = Signal(8 * lanes)
        stored_bits = (8 + a.parity) * lanes
        stored = reader.operand.word_select(walker.residual_byte >> (lanes - 1).bit_length(), stored_bits)
        m.d.comb += operand.eq(plain(stored, 8) if a.parity else stored)
        if a.parity:
            used = Signal(name="residual_used")
            m.d.sync += used.eq(walker.go & f.residual)
            m.d.sync += self.residual_wrong.eq(used & wrong_lanes(m, stored, 8, "residual").any())
        if a.multiply:
            operand = delayed(m, operand, SUM_STAGE, "factor_line", moving)
            sums, multipliers = self._products(m, f, sums, multipliers, operand, moving)
            stages = MultiplyLanes.LATENCY + RequantiseLanes.LATENCY
        else:
            stages = SUM_STAGE + RequantiseLanes.LATENCY
        operand = delayed(m, operand, stages, "operand_line", moving)
        m.d.comb += [
            requantise.enable.eq(moving),
            *(requantise.sums[i].eq(sums[i]) for i in range(lanes)),
            *(requantise.multipliers[i].eq(multipliers[i]) for i in range(lanes)),
            requantise.zero_point.eq(Mux(f.int32, 0, f.zero_point)),
            requantise.clamp_low.eq(Mux(f.int32, -128, f.clamp_low)),
            requantise.clamp_high.eq(Mux(f.int32, 127, f.clamp_high)),
            residual.enable.eq(moving),
            residual.a.eq(requantise.results),
            *(residual.b[i].eq(operand[8 * i : 8 * i + 8].as_signed()) for i in range(lanes)),
            residual.bypass.eq(~f.residual | f.multiply if a.multiply else ~f.residual),
            residual.multiplier_a.eq(f.add_multiplier),
            residual.multiplier_b.eq(f.residual_multiplier),
            residual.shift.eq(f.add_shift),
            residual.zero_point_a.eq(f.zero_point),
            residual.zero_point_b.eq(f.residual_zero_point),
            residual.zero_point.eq(f.add_zero_point),
            residual.clamp_low.eq(f.add_clamp_low),
            residual.clamp_high.eq(f.add_clamp_high),
        ]
        if loader is None:
            m.d.comb += self.write.data.eq(residual.results)
            return
        m.submodules.table = table = TableLanes(lanes, a.parity)
        if a.parity:
            m.d.sync += self.table_wrong.eq(self.write_en & f.table & table.wrong)
        m.d.comb += [
            table.enable.eq(moving),
            table.x.eq(residual.results),
            table.bypass.eq(~f.table),
            table.write_en.eq(loader.write_en),
            table.write_chunk.eq(loader.write_chunk),
            table.write_data.eq(loader.write_data),
            self.write.data.eq(table.results),
        ]

    def _products(
        self,
        m: Module,
        f: DrainFields,
        sums: list[Value],
        multipliers: list[Value],
        factor: Value,
        moving: Signal,
    ) -> tuple[list[Value], list[Value]]:
        """Sums, multiplied by the residual operand where the instruction says so, and their multipliers."""
        lanes = self.architecture.output_lanes
        m.submodules.multiply = multiply = MultiplyLanes(lanes)
        m.d.comb += [
            multiply.enable.eq(moving),
            *(multiply.sums[i].eq(sums[i]) for i in range(lanes)),
            *(multiply.b[i].eq(factor[8 * i : 8 * i + 8].as_signed()) for i in range(lanes)),
            multiply.zero_point.eq(f.residual_zero_point),
            multiply.bypass.eq(~f.multiply),
        ]
        line = delayed(m, Cat(multipliers), MultiplyLanes.LATENCY, "scale_line", moving)
        return [multiply.results[i] for i in range(lanes)], [line[32 * i : 32 * i + 32] for i in range(lanes)]
