"""The max-pool unit: reads window taps from the activation memory, beside the array, and writes their maximum."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode, layout
from tcugen.rtl.activation import write_layout
from tcugen.rtl.decode import INSTRUCTION_BITS, PoolFields, fields, header
from tcugen.rtl.depthwise import Depthwise, walk_blocks
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.loops import Level, Loops
from tcugen.rtl.parity import plain, wrong_lanes
from tcugen.rtl.product import SerialProduct

TAPS_AHEAD = 8
"""Taps whose words are under way or wait. At full rate a tap holds its place for 6 cycles."""

TAP = data.StructLayout(
    {
        "inside": 1,
        "first": 1,
        "last": 1,
        "final": 1,
        "address": ACTIVATION_ADDRESS_BITS,
    }
)
"""One window tap on its way: what to do with its word.

Attributes:
    inside: It lies inside the input; others do not take part.
    first, last: Of its window.
    final: Of its instruction.
    address: Where the window's maximum goes.
"""

DEPTHWISE_TAP = data.StructLayout({**{name: field.shape for name, field in TAP}, "block": 1, "row_ends": 1})
"""The same in machines with depthwise convolutions, where a window is a column of the input.

Attributes:
    block: No tap, but a word of the channel group's weights and parameters.
    row_ends: Of the last column of its row.
    address: With depthwise, where the row's first result goes.
"""


class Pool(Component):
    """Executes POOL instructions on whole `rows`-byte words.

    Members:
        instruction: POOL instructions; what follows the header stays until `ready` is 1 again.
        read, word_valid, word: Port of the activation memory: word addresses; the words in the same order.
        write: Results; `written`: the last one of an instruction is in the memory.
        layer: Layer of the results.
        done: Pulse when the last result of an instruction has been written.
        busy: An instruction is under way.

    Rate: one tap per cycle while the memory serves it and takes the results; the first tap comes 4 cycles after an
    instruction was taken and one more per bit of `stride_y`, see SerialProduct. The next one starts after `done`.
    """

    instruction: stream.Interface
    read: stream.Interface
    word_valid: Signal
    word: Signal
    write: stream.Interface
    written: Signal
    layer: Signal
    done: Signal
    busy: Signal
    queue_wrong: Signal
    word_wrong: Signal

    def __init__(self, architecture: Architecture):
        self.architecture = architecture
        self.rows, self.parity = architecture.rows, architecture.parity
        self.tap_layout = DEPTHWISE_TAP if architecture.depthwise else TAP
        self.word_bits = (8 + self.parity) * self.rows
        self.byte_bits = bits_for(self.rows)
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "read": Out(stream.Signature(ACTIVATION_ADDRESS_BITS - self.byte_bits)),
                "word_valid": In(1),
                "word": In(self.word_bits),
                "write": Out(stream.Signature(write_layout(self.rows))),
                "written": In(1),
                "layer": Out(layout(Opcode.POOL)["layer"].field.bits),
                "done": Out(1),
                "busy": Out(1),
                **({"queue_wrong": Out(1), "word_wrong": Out(1)} if self.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        f = fields(Opcode.POOL, self.instruction.payload)
        begin = Signal()
        step = Signal()
        m.submodules.taps = taps = Fifo(self.tap_layout, TAPS_AHEAD, self.parity)
        m.submodules.words = words = Fifo(self.word_bits, TAPS_AHEAD)
        row_product = self._row_product(m)
        loops, walking, walked, walked_word = self._walk(m, f, begin, step, row_product.products.address)
        passes = Signal() if self.architecture.depthwise else step  # a tap, or a word of a block
        # One tap stands between the walk and those that take it: whether it lies inside is known when they ask.
        there = Signal(name="tap_valid")
        tap = Signal(self.tap_layout, reset_less=True)
        taken = Signal(name="tap_taken")
        room = Signal()  # in the queue of taps, also if one entered in the cycle before
        m.d.sync += room.eq(taps.level < TAPS_AHEAD - 1)
        with m.If(passes | taken):
            m.d.sync += there.eq(passes)
        with m.If(passes):
            m.d.sync += [tap.eq(walked), self.read.payload.eq(walked_word)]
        m.d.comb += [
            self.done.eq(self.written),
            self.read.valid.eq(there & tap.inside & room),
            taken.eq(there & room & (~tap.inside | self.read.ready)),
            passes.eq(walking & (~there | taken)),
            taps.i.valid.eq(taken),
            taps.i.payload.eq(tap),
            words.i.valid.eq(self.word_valid),
            words.i.payload.eq(self.word),
        ]
        if self.architecture.depthwise:
            again = step & loops.turns["group"] & ~loops.ends["group"]
            walks_block, block_at = walk_blocks(m, f, self.rows, begin, again, passes)
            m.d.comb += step.eq(passes & ~walks_block)
            with m.If(passes & walks_block):
                m.d.sync += [tap.block.eq(1), tap.inside.eq(1), self.read.payload.eq(block_at[self.byte_bits :])]
            self._convolve_or_maximum(m, f, begin, taps, words)
        else:
            self._maximum(m, taps, words, self.write)

        # A register of its own: it goes to all loops and addresses.
        m.d.sync += begin.eq(0)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += self.instruction.ready.eq(1)
                with m.If(self.instruction.valid):
                    m.d.sync += self.layer.eq(header(self.instruction.payload).layer)
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                with m.If(row_product.ready):
                    m.d.sync += begin.eq(1)
                    m.next = "WALK"
            with m.State("WALK"):
                with m.If(self.done):
                    m.next = "IDLE"
        return m

    def _row_product(self, m: Module) -> SerialProduct:
        """Input bytes from output row to output row, of the instruction that was taken last."""
        f = fields(Opcode.POOL, self.instruction.payload)
        m.submodules.row_product = product = SerialProduct(len(f.stride_y), address=len(f.row_step))
        m.d.comb += [
            product.start.eq(self.instruction.ready),
            product.factor.eq(f.stride_y),
            product.operands.address.eq(f.row_step),
        ]
        return product

    def _walk(
        self, m: Module, f: PoolFields, begin: Signal, step: Signal, row_advance: Signal
    ) -> tuple[Loops, Signal, data.View, Value]:
        """Loops: channel group, output row, output pixel, window row, window column.

        Returns them, whether there is a tap, the tap, and the address of its word.
        """
        walking = Signal()
        tap = Signal(self.tap_layout)
        loops = Loops(
            m,
            begin,
            step,
            {
                "group": Level(f.n_groups),
                "y": Level(f.n_y),
                "x": Level(f.n_x),
                "ky": Level(f.n_ky),
                "kx": Level(f.n_kx),
            },
        )
        tap_at = loops.address(
            "{}_at",
            f.base,
            {
                "group": f.group_step,
                "y": row_advance,
                "x": f.stride_x * self.rows,
                "ky": f.row_step,
                "kx": self.rows,
            },
        )
        # With depthwise, `x` counts input columns.
        out_x_step = Mux(f.depthwise, 0, self.rows) if self.architecture.depthwise else self.rows
        out_steps = {"group": f.out_group_step, "y": f.out_row_step, "x": out_x_step}
        iy = loops.address("{}_iy", f.iy0, {"y": f.stride_y, "ky": 1}, bits=len(f.iy0) + 1)
        ix = loops.address("{}_ix", f.ix0, {"x": f.stride_x, "kx": 1}, bits=len(f.ix0) + 1)
        first = Signal(name="first_tap")
        with m.If(begin | step):
            m.d.sync += [first.eq(begin | loops.ends["ky"]), walking.eq(begin | ~loops.ends["group"])]
        m.d.comb += [
            tap.inside.eq((iy >= 0) & (iy < f.height) & (ix >= 0) & (ix < f.width)),
            tap.first.eq(first),
            tap.last.eq(loops.ends["ky"]),
            tap.final.eq(loops.ends["group"]),
            tap.address.eq(loops.address("out_{}_at", f.out_base, out_steps)),
        ]
        if self.architecture.depthwise:
            m.d.comb += tap.row_ends.eq(loops.ends["x"])
        return loops, walking, tap, tap_at[self.byte_bits :]

    def _convolve_or_maximum(self, m: Module, f: PoolFields, begin: Signal, taps: Fifo, words: Fifo) -> None:
        """Words go to the depthwise convolution while the instruction has it, and its results to the memory."""
        m.submodules.depthwise = unit = Depthwise(self.architecture)
        maxima = stream.Signature(write_layout(self.rows)).create(path=("maxima",))
        tap, pad = taps.o.payload, Cat(f.pad, Const(0, self.parity)).replicate(self.rows)
        m.d.comb += [
            unit.instruction.eq(self.instruction.payload),
            unit.begin.eq(begin & f.depthwise),
            *(unit.tap[name].eq(tap[name]) for name in ("block", "first", "last", "row_ends", "final", "address")),
            unit.word.eq(Mux(tap.inside, words.o.payload, pad)),
            unit.take.eq(taps.o.valid & taps.o.ready & f.depthwise),
        ]
        for results, chosen in ((unit.write, f.depthwise), (maxima, ~f.depthwise)):
            m.d.comb += results.ready.eq(self.write.ready & chosen)
            with m.If(chosen):
                m.d.comb += [self.write.valid.eq(results.valid), self.write.payload.eq(results.payload)]
        self._maximum(m, taps, words, maxima, unit)

    def _maximum(
        self, m: Module, taps: Fifo, words: Fifo, write: stream.Interface, beside: Depthwise | None = None
    ) -> None:
        """Maximum of the words of a window, and the register that holds a result until it is written.

        Words of instructions that go to the unit `beside` are taken when that can, and make no result here.
        """
        signed_bytes = data.ArrayLayout(signed(8), self.rows)
        maximum = Signal(signed_bytes, reset_less=True)
        word = data.View(signed_bytes, plain(words.o.payload, 8) if self.parity else words.o.payload)
        tap = taps.o.payload
        take = Signal()
        complete = Signal()  # `maximum` is a window's result
        final = Signal()
        address = Signal(ACTIVATION_ADDRESS_BITS)
        pending = Signal()
        waits, completes = tap.last & pending, take & tap.last
        if beside is not None:
            depthwise = fields(Opcode.POOL, self.instruction.payload).depthwise
            waits, completes = Mux(depthwise, beside.blocked, waits), completes & ~depthwise
        m.d.comb += [
            pending.eq(complete | (write.valid & ~write.ready)),
            # A window may end only when its result finds the write register empty.
            take.eq(taps.o.valid & (~tap.inside | words.o.valid) & ~waits),
            taps.o.ready.eq(take),
            words.o.ready.eq(take & tap.inside),
        ]
        with m.If(take):
            for j in range(self.rows):
                with m.If(tap.inside & (tap.first | (word[j] > maximum[j]))):
                    m.d.sync += maximum[j].eq(word[j])
                with m.Elif(tap.first):
                    m.d.sync += maximum[j].eq(-128)
        m.d.sync += complete.eq(completes)
        if self.parity:
            used = Signal(name="word_used")
            wrong = used & wrong_lanes(m, words.o.payload, 8, "word").any()
            m.d.sync += [
                used.eq(take & tap.inside),
                self.word_wrong.eq(wrong if beside is None else wrong | beside.word_wrong),
                self.queue_wrong.eq(taps.wrong if beside is None else taps.wrong | beside.queue_wrong),
            ]
        with m.If(take & tap.last):
            m.d.sync += [final.eq(tap.final), address.eq(tap.address)]
        with m.If(write.ready):
            m.d.sync += write.valid.eq(0)
        with m.If(complete):
            m.d.sync += [
                write.valid.eq(1),
                write.payload.address.eq(address),
                write.payload.last.eq(final),
                write.payload.data.eq(maximum),
            ]
