"""Depthwise convolutions in the pool unit: three products per channel and tap, and requantising lanes of its own.

taps ─► word ─► products ─► three running sums a channel ─► complete sums ─► + bias ─► requantise ─► results
          weights ──┘                                          parameters ────┴────────────┘

A tap is a word of input column c. It takes part in the outputs that begin at the columns c - 2, c - 1 and c: each
channel has a running sum for each of them. With the first tap of a column the sums move up by one, with the last one
the oldest is complete; every `step_x`-th of these is a result.

    cycle    0      1       2           3         4 .. 3 + T                5           6       16                16 + T
             take   word    products    sums      complete sums, by lanes   lane sums   total   lane results      result
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import DEPTHWISE_COLUMNS, DEPTHWISE_ROWS, PARAMETER_BYTES, Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode
from tcugen.rtl.activation import write_layout
from tcugen.rtl.decode import INSTRUCTION_BITS, PoolFields, fields
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.parity import plain, wrong_lanes
from tcugen.rtl.requantise import RequantiseLanes
from tcugen.rtl.sram import Sram

PRODUCT_BITS = 16
SUM_BITS = 15 + (DEPTHWISE_COLUMNS * DEPTHWISE_ROWS).bit_length()
"""Each product is at most 2**14 in magnitude, so n of them are below 2**(14 + bit length of n)."""

TAKE_TO_STEP = 4
"""From the last tap of a result to the first step of its lanes."""

RESULTS_AHEAD = 8
"""Results that are under way or wait to be written."""

TAP = data.StructLayout(
    {"block": 1, "first": 1, "last": 1, "row_ends": 1, "final": 1, "address": ACTIVATION_ADDRESS_BITS}
)
"""What a word is.

Attributes:
    block: One of the channel group's weights and parameters, which come before its taps. Else a tap.
    first, last: Tap of its input column.
    row_ends: Tap of the last column of its row.
    final: Last tap of its instruction.
    address: Where the row's first result goes.
"""


class Depthwise(Component):
    """The convolution of the words that the pool unit takes, while its instruction has `depthwise`.

    Members:
        instruction: The POOL instruction under way.
        begin: It begins: a pulse before its first word.
        tap, word: What stands before the unit: what it is, and its bytes, with their parity bits if there are such.
        blocked: The unit cannot take it yet.
        take: It is taken in this cycle.
        write: Results.

    Rate: a word per cycle; a result every rows / lanes cycles at most.
    """

    instruction: Signal
    begin: Signal
    tap: data.View
    word: Signal
    blocked: Signal
    take: Signal
    write: stream.Interface
    word_wrong: Signal
    queue_wrong: Signal

    def __init__(self, architecture: Architecture):
        self.rows, self.lanes, self.parity = architecture.rows, architecture.depthwise, architecture.parity
        self.steps = self.rows // self.lanes
        self.word_bits = (8 + self.parity) * self.rows
        super().__init__(
            {
                "instruction": In(INSTRUCTION_BITS),
                "begin": In(1),
                "tap": In(TAP),
                "word": In(self.word_bits),
                "blocked": Out(1),
                "take": In(1),
                "write": Out(stream.Signature(write_layout(self.rows))),
                # Where memories have parity bits: that of a byte of a weight or parameter, of a queue, was wrong.
                **({"word_wrong": Out(1), "queue_wrong": Out(1)} if self.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        f = fields(Opcode.POOL, self.instruction)
        m.submodules.weights = weights = Sram(
            DEPTHWISE_COLUMNS * self.word_bits, 1 << bits_for(DEPTHWISE_ROWS), self.word_bits
        )
        m.submodules.parameters = parameters = Sram(
            PARAMETER_BYTES * self.lanes * self.word_bits // self.rows, self.steps, self.word_bits
        )
        of_parameters = Signal(name="word_of_parameters")
        takes_tap, result = self._control(m, f, of_parameters)
        self._store_block(m, f, weights, parameters, takes_tap, of_parameters)
        complete, oldest = self._sums(m, weights, takes_tap, result)
        steps = self._lanes(m, f, parameters, complete, oldest)
        if self.parity:
            weight_used = Signal(2)
            m.d.sync += weight_used.eq(Cat(takes_tap, weight_used))
            wrong = weight_used[1] & wrong_lanes(m, weights.read_data, 8, "weight").any()
            wrong |= steps[1] & wrong_lanes(m, parameters.read_data, 8, "parameter").any()
            m.d.sync += self.word_wrong.eq(wrong)
            m.d.sync += self.queue_wrong.eq(m.submodules.results.wrong | m.submodules.places.wrong)
        return m

    def _control(self, m: Module, f: PoolFields, of_parameters: Signal) -> tuple[Signal, Signal]:
        """When a word may be taken. Returns whether a tap is, and whether that completes a result."""
        tap = self.tap
        takes_tap, result = Signal(name="takes_tap"), Signal(name="completes")
        until = Signal(range(1 << len(f.step_x)), name="columns_left")  # before the one that completes a result
        emits = Signal(name="column_completes")  # until == 0
        under_way = Signal(range(RESULTS_AHEAD + 1), name="results_under_way")
        # Cycles in which the lanes read parameters for results that are complete, and those until then.
        reading = Signal(range(self.steps + TAKE_TO_STEP), name="lanes_reading")
        then_reading, then_under_way = Signal.like(reading), Signal.like(under_way)  # in the next cycle
        # Registers, as whether a tap can be taken comes late in its cycle.
        reads = Signal(name="lanes_read")  # reading != 0
        may_complete = Signal(init=1)
        m.d.comb += [
            self.blocked.eq(
                Mux(
                    tap.block,
                    of_parameters & reads,
                    tap.last & emits & ~may_complete,
                )
            ),
            then_reading.eq(
                Mux(result, self.steps + TAKE_TO_STEP - 1, reading - (reading != 0)),
            ),
            then_under_way.eq(under_way + result - (self.write.valid & self.write.ready)),
            takes_tap.eq(self.take & ~tap.block),
            result.eq(takes_tap & tap.last & emits),
        ]
        row_begins = self.begin | (takes_tap & tap.last & tap.row_ends)
        with m.If(row_begins):
            m.d.sync += [until.eq(DEPTHWISE_COLUMNS - 1), emits.eq(0)]
        with m.Elif(takes_tap & tap.last):
            following = Mux(emits, f.step_x - 1, until - 1)[: len(until)]
            m.d.sync += [until.eq(following), emits.eq(following == 0)]
        m.d.sync += [
            reading.eq(then_reading),
            reads.eq(then_reading != 0),
            under_way.eq(then_under_way),
            may_complete.eq((then_reading <= TAKE_TO_STEP) & (then_under_way != RESULTS_AHEAD)),
        ]

        m.submodules.places = places = Fifo(
            data.StructLayout({"address": ACTIVATION_ADDRESS_BITS, "last": 1}), RESULTS_AHEAD, self.parity
        )
        offset = Signal(ACTIVATION_ADDRESS_BITS, name="pixel_offset", reset_less=True)
        with m.If(row_begins):
            m.d.sync += offset.eq(0)
        with m.Elif(result):
            m.d.sync += offset.eq(offset + self.rows)
        m.d.sync += [
            places.i.valid.eq(result),
            places.i.payload.address.eq(tap.address + offset),
            places.i.payload.last.eq(tap.final),
        ]
        m.d.comb += [
            self.write.payload.address.eq(places.o.payload.address),
            self.write.payload.last.eq(places.o.payload.last),
            places.o.ready.eq(self.write.valid & self.write.ready),
        ]
        return takes_tap, result

    def _store_block(
        self, m: Module, f: PoolFields, weights: Sram, parameters: Sram, takes_tap: Signal, of_parameters: Signal
    ) -> None:
        """Words of a block into the two memories: weights first, by kernel row; and the row that a tap needs."""
        stores = Signal(name="stores_word")
        place = Signal(range(PARAMETER_BYTES), name="block_place")  # kernel column, or number of the parameters' word
        row = Signal(range(DEPTHWISE_ROWS), name="block_row")
        tap_row = Signal(range(DEPTHWISE_ROWS))
        slots = PARAMETER_BYTES * self.lanes // self.rows  # words of a parameters' entry
        slot_bits = (slots - 1).bit_length()
        m.d.comb += [
            stores.eq(self.take & self.tap.block),
            weights.write_addr.eq(row),
            weights.write_data.eq(self.word.replicate(DEPTHWISE_COLUMNS)),
            weights.write_en.eq(Mux(stores & ~of_parameters, 1 << place[:2], 0)[:DEPTHWISE_COLUMNS]),
            weights.read_en.eq(takes_tap),
            weights.read_addr.eq(tap_row),
            parameters.write_addr.eq(place >> slot_bits),
            parameters.write_data.eq(self.word.replicate(slots)),
            parameters.write_en.eq(Mux(stores & of_parameters, 1 << place[:slot_bits] if slot_bits else 1, 0)[:slots]),
        ]
        with m.If(self.begin):
            m.d.sync += [place.eq(0), row.eq(0), of_parameters.eq(0), tap_row.eq(0)]
        with m.If(stores):
            m.d.sync += place.eq(place + 1)
            with m.If(of_parameters & (place == PARAMETER_BYTES - 1)):
                m.d.sync += [of_parameters.eq(0), row.eq(0)]
            with m.If(~of_parameters & (place == DEPTHWISE_COLUMNS - 1)):
                m.d.sync += [place.eq(0), row.eq(row + 1), of_parameters.eq(row + 1 == f.n_ky)]
        with m.If(takes_tap):
            m.d.sync += tap_row.eq(Mux(self.tap.last, 0, tap_row + 1))

    def _sums(self, m: Module, weights: Sram, takes_tap: Signal, result: Signal) -> tuple[Signal, list[Value]]:
        """Cycles 1 to 3. Returns whether sums are complete, and those of the channels."""
        stored_bits = 8 + self.parity
        word = Signal(8 * self.rows, name="tap_word", reset_less=True)
        with m.If(takes_tap):
            m.d.sync += word.eq(plain(self.word, 8) if self.parity else self.word)
        there = [takes_tap]
        firsts: list[Value] = [self.tap.first]
        completes = [result]
        for stage in (1, 2, 3):
            there.append(Signal(name=f"tap_{stage}"))
            firsts.append(Signal(name=f"first_{stage}", reset_less=True))
            completes.append(Signal(name=f"complete_{stage}"))
            m.d.sync += [late[-1].eq(late[-2]) for late in (there, firsts, completes)]
        oldest: list[Value] = []
        for channel in range(self.rows):
            byte = word[8 * channel : 8 * channel + 8].as_signed()
            products, sums = [], []
            for column in range(DEPTHWISE_COLUMNS):
                at = stored_bits * (column * self.rows + channel)
                product = Signal(signed(PRODUCT_BITS), name=f"product_{channel}_{column}", reset_less=True)
                with m.If(there[1]):
                    m.d.sync += product.eq(byte * weights.read_data[at : at + 8].as_signed())
                products.append(product)
                sums.append(Signal(signed(SUM_BITS), name=f"sum_{channel}_{column}", reset_less=True))
            # Kernel column 2 belongs to the oldest sum: that of the output which begins two columns before.
            with m.If(there[2]):
                for column in range(DEPTHWISE_COLUMNS):
                    before = sums[column - 1] if column else 0
                    m.d.sync += sums[column].eq(Mux(firsts[2], before, sums[column]) + products[column])
            oldest.append(sums[-1])
        return completes[3], oldest

    def _lanes(self, m: Module, f: PoolFields, parameters: Sram, complete: Signal, oldest: list[Value]) -> Signal:
        """Cycle 4 on: complete sums go through the lanes, a step for `lanes` channels. Returns the line of steps."""
        held = Signal(SUM_BITS * self.rows, name="complete_sums", reset_less=True)
        step = Signal(range(self.steps))
        stepping = Signal()
        last_step = Signal()
        m.d.comb += [
            last_step.eq(step == self.steps - 1),
            parameters.read_en.eq(stepping),
            parameters.read_addr.eq(step),
        ]
        with m.If(stepping):
            m.d.sync += [step.eq(step + 1), held.eq(held >> SUM_BITS * self.lanes)]
            with m.If(last_step):
                m.d.sync += [step.eq(0), stepping.eq(0)]
        with m.If(complete):
            m.d.sync += [held.eq(Cat(oldest)), stepping.eq(1)]

        # Which of the last cycles had a step, and which the last one of a result; the latest first.
        latency = 2 + RequantiseLanes.LATENCY
        steps, ends = Signal(latency, name="step_line"), Signal(latency, name="end_line")
        m.d.sync += [steps.eq(Cat(stepping, steps)), ends.eq(Cat(stepping & last_step, ends))]
        m.submodules.requantise = requantise = RequantiseLanes(self.lanes)
        enable = Signal(name="lanes_move")
        m.d.sync += enable.eq(steps[: RequantiseLanes.LATENCY].any())
        read = plain(parameters.read_data, 8) if self.parity else parameters.read_data
        m.d.comb += [
            requantise.enable.eq(enable),
            requantise.zero_point.eq(f.zero_point),
            requantise.clamp_low.eq(f.clamp_low),
            requantise.clamp_high.eq(f.clamp_high),
        ]
        for lane in range(self.lanes):
            chosen = Signal(signed(SUM_BITS), name=f"lane_sum_{lane}", reset_less=True)
            total = Signal(signed(32), name=f"total_{lane}", reset_less=True)
            multiplier = Signal(32, name=f"multiplier_{lane}", reset_less=True)
            entry = read[8 * PARAMETER_BYTES * lane : 8 * PARAMETER_BYTES * (lane + 1)]
            m.d.sync += [
                chosen.eq(held[SUM_BITS * lane : SUM_BITS * (lane + 1)].as_signed()),
                total.eq(chosen + entry[:32].as_signed()),
                multiplier.eq(entry[32:]),
            ]
            m.d.comb += [requantise.sums[lane].eq(total), requantise.multipliers[lane].eq(multiplier)]
        self._results(m, requantise, steps[-1], ends[-1])
        return steps

    def _results(self, m: Module, requantise: RequantiseLanes, valid: Value, ends: Value) -> None:
        """Lane results, put together to words that wait to be written."""
        m.submodules.results = results = Fifo(8 * self.rows, RESULTS_AHEAD, self.parity)
        lanes = requantise.results.as_value()
        word = lanes
        if self.steps > 1:
            gathered = Signal(8 * (self.rows - self.lanes), name="gathered", reset_less=True)
            word = Cat(gathered, lanes)
            with m.If(valid):
                m.d.sync += gathered.eq(word[8 * self.lanes :])
        m.d.comb += [
            results.i.valid.eq(ends),
            results.i.payload.eq(word),
            self.write.valid.eq(results.o.valid),
            self.write.payload.data.eq(results.o.payload),
            results.o.ready.eq(self.write.ready),
        ]


def walk_blocks(m: Module, f: PoolFields, rows: int, starts: Value, again: Value, move: Value) -> tuple[Signal, Signal]:
    """The addresses of the words of a block, which come before the taps of each channel group.

    Args:
        starts: A pulse: the instruction begins.
        again: A pulse: another channel group follows.
        move: A word or tap is passed on.

    Returns:
        Whether a word of the block comes next, and its address.
    """
    walks = Signal(name="walks_block")
    left = Signal(range(DEPTHWISE_COLUMNS * DEPTHWISE_ROWS + PARAMETER_BYTES + 1), name="block_left")
    at = Signal(ACTIVATION_ADDRESS_BITS, name="block_at", reset_less=True)
    with m.If(starts):
        m.d.sync += at.eq(f.weights)
    with m.If((starts | again) & f.depthwise):
        m.d.sync += [walks.eq(1), left.eq(f.n_ky + (f.n_ky << 1) + PARAMETER_BYTES)]
    with m.Elif(walks & move):
        m.d.sync += [at.eq(at + rows), left.eq(left - 1), walks.eq(left != 1)]
    return walks, at
