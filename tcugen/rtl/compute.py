"""The compute engine: everything between a COMPUTE instruction and full accumulator banks.

instruction ─► passes ─► pixels ─► (activation memory) ─► array ─► accumulators ─► output path
                  └────► loader ─► shadow plane ───────────┘            ▲
                            └───────────── tags, delayed ──────────────┘
"""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from tcugen.arch import Architecture, bits_for
from tcugen.rtl.accumulators import Accumulators
from tcugen.rtl.activation import OPERAND_REQUEST, ActivationMemory
from tcugen.rtl.array import Array
from tcugen.rtl.decode import INSTRUCTION_BITS
from tcugen.rtl.delay import delayed
from tcugen.rtl.loader import WeightLoader
from tcugen.rtl.passes import PassWalker, tile_position_bits
from tcugen.rtl.pixels import LAYER_BITS, PixelWalker
from tcugen.rtl.queue import StreamQueue, StreamRegister

AHEAD = ActivationMemory.LATENCY - 1
"""Cycles by which the loader's reads are delayed: it counts on an operand two cycles after its pixel is walked, but
that takes one cycle more than the activation memory."""


class ComputeEngine(Component):
    """Executes COMPUTE instructions.

    Members:
        instruction: COMPUTE instructions.
        tiles_written, read_en, read_item, read_unit, weights, release: Port of the weight ring.
        request_en, request, operand: Port of the activation memory.
        filled, bank_released, drain_en, drain_bank, drain_pixel, accumulators: Port of the output path.
        tile_done: Pulse when the last operand of a tile has been read.
        busy: An instruction is under way, or operands are on their way to the accumulators.
        active: The array took an operand in this cycle.
        layer: Layer of that operand, or the last one.
        next_layer_valid, next_layer: A pass waits to start, and its layer.
        waiting_for_weights, waiting_for_bank: Why it waits.
    """

    instruction: stream.Interface
    tiles_written: Signal
    read_en: Signal
    read_item: Signal
    read_unit: Signal
    weights: Signal
    release: Signal
    request_en: Signal
    request: data.View
    operand: data.View
    filled: Signal
    bank_released: Signal
    drain_en: Signal
    drain_bank: Signal
    drain_pixel: Signal
    accumulators: data.View
    tile_done: Signal
    busy: Signal
    active: Signal
    layer: Signal
    next_layer_valid: Signal
    next_layer: Signal
    waiting_for_weights: Signal
    waiting_for_bank: Signal
    sum_wrong: Signal

    def __init__(self, architecture: Architecture):
        a = self.architecture = architecture
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "tiles_written": In(tile_position_bits(a)),
                "read_en": Out(1),
                "read_item": Out(bits_for(a.weight_tiles)),
                "read_unit": Out(bits_for(a.rows)),
                "weights": In(8 * a.columns),
                "release": Out(1),
                "request_en": Out(1),
                "request": Out(OPERAND_REQUEST),
                "operand": In(data.ArrayLayout(signed(8), a.rows)),
                "filled": Out(1),
                "bank_released": In(1),
                "drain_en": In(1),
                "drain_bank": In(1),
                "drain_pixel": In(bits_for(a.accumulator_depth)),
                "accumulators": Out(data.ArrayLayout(signed(a.accumulator_bits), a.columns)),
                "tile_done": Out(1),
                "busy": Out(1),
                "active": Out(1),
                "layer": Out(LAYER_BITS),
                "next_layer_valid": Out(1),
                "next_layer": Out(LAYER_BITS),
                "waiting_for_weights": Out(1),
                "waiting_for_bank": Out(1),
                **({"sum_wrong": Out(1)} if a.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        a = self.architecture
        m.submodules.passes = passes = PassWalker(a)
        # A pass lasts `rows` cycles or more, as its weights do.
        m.submodules.pass_queue = pass_queue = StreamRegister(passes.o_pass.payload.shape())
        m.submodules.tile_queue = tile_queue = StreamQueue(passes.o_tile.payload.shape(), depth=2)
        m.submodules.pixels = pixels = PixelWalker(a)
        m.submodules.loader = loader = WeightLoader(a)
        m.submodules.array = array = Array(a)
        m.submodules.accumulators = accumulators = Accumulators(a)
        connect(m, flipped(self.instruction), passes.instruction)
        connect(m, passes.o_pass, pass_queue.i)
        connect(m, passes.o_tile, tile_queue.i)
        connect(m, pass_queue.o, pixels.i_pass)
        connect(m, tile_queue.o, loader.i_tile)

        # The loader is as far ahead of the array as the walkers are.
        loading = Cat(loader.read_en, loader.release, loader.read_item, loader.read_unit)
        read = delayed(m, loading, AHEAD - 1, "loading_line")
        # What the ring's memory gives stands in a register before it goes to all rows.
        loaded = Signal.like(read)
        weights = Signal.like(self.weights, reset_less=True)
        m.d.sync += [
            loaded.eq(read),
            weights.eq(self.weights),
            array.weight_en.eq(loaded[0]),
            array.weight_row.eq(loaded[2 + len(self.read_item) :]),
        ]
        m.d.comb += [
            passes.tiles_written.eq(self.tiles_written),
            pixels.shadow_ready.eq(loader.ready),
            loader.pass_started.eq(pixels.pass_started),
            self.read_en.eq(read[0]),
            self.release.eq(loaded[1]),
            self.read_item.eq(read[2 : 2 + len(self.read_item)]),
            self.read_unit.eq(read[2 + len(self.read_item) :]),
            array.weight_data.eq(weights),
            self.request_en.eq(pixels.request_en),
            self.request.eq(pixels.request),
            array.operand.eq(self.operand),
            array.swap.eq(delayed(m, pixels.swap, ActivationMemory.LATENCY, "swap_line")),
            pixels.bank_released.eq(self.bank_released),
        ]
        # The accumulators want the tag two cycles before the sums.
        latency = ActivationMemory.LATENCY + array.latency - 2
        m.d.comb += [
            accumulators.tag.as_value().eq(delayed(m, pixels.tag, latency, "tag_line")),
            accumulators.pixel.eq(delayed(m, pixels.pixel, latency, "pixel_line")),
            accumulators.sums.eq(array.sums),
            accumulators.read_en.eq(self.drain_en),
            accumulators.read_bank.eq(self.drain_bank),
            accumulators.read_pixel.eq(self.drain_pixel),
            self.accumulators.eq(accumulators.read_data),
            self.filled.eq(accumulators.filled),
        ]
        # An accumulation is stored four cycles after its tag arrived, which leaves one cycle after its pixel.
        settling = Signal(range(latency + 6))
        with m.If(pixels.active):
            m.d.sync += settling.eq(latency + 5)
        with m.Elif(settling != 0):
            m.d.sync += settling.eq(settling - 1)
        m.d.comb += [
            # The activation memory reads its banks in the cycle after the request.
            self.tile_done.eq(delayed(m, pixels.tile_read, 2, "tile_read_line")),
            self.busy.eq(passes.busy | pass_queue.o.valid | pixels.active | (settling != 0)),
            self.active.eq(pixels.active),
            self.layer.eq(pixels.layer),
            self.next_layer_valid.eq(pass_queue.o.valid | passes.busy),
            self.next_layer.eq(passes.o_pass.payload.layer),
            self.waiting_for_bank.eq(pixels.waiting_for_bank),
            self.waiting_for_weights.eq(
                pixels.waiting_for_weights | (~pass_queue.o.valid & passes.waiting_for_weights)
            ),
        ]
        if a.parity:
            m.d.comb += self.sum_wrong.eq(accumulators.wrong)
        with m.If(pass_queue.o.valid):
            m.d.comb += self.next_layer.eq(pass_queue.o.payload.layer)
        return m
