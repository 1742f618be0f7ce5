"""A ring buffer between the bus and a consumer that reads items, possibly more than once, before it frees them."""

import math

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import bits_for
from tcugen.rtl.parity import plain, protected, wrong_lanes
from tcugen.rtl.sram import Sram


class Ring(Component):
    """`items` items of `item_bytes` bytes, written in beats of `beat_bytes`, read in units of `unit_bytes`.

    Members:
        claim_en, claim_beats: Take room for beats that have been asked for; `free_beats` says how many there are.
        beat_en, beat: The beats, in order, into claimed room.
        written: Items written so far, modulo 2 * items; the position after the last complete item.
        read_en, read_item, read_unit: Place of the unit to read; `data` holds it from the next cycle on.
        release: Frees the oldest item.
        idle: Every claimed beat has arrived.

    `items` is a power of two; an item is a whole number of beats and of units, and of units that together hold a beat.
    Reset: empty.
    """

    claim_en: Signal
    claim_beats: Signal
    free_beats: Signal
    beat_en: Signal
    beat: Signal
    written: Signal
    read_en: Signal
    read_item: Signal
    read_unit: Signal
    data: Signal
    release: Signal
    idle: Signal
    wrong: Signal

    def __init__(self, items: int, item_bytes: int, beat_bytes: int, unit_bytes: int, parity: int = 0):
        self.parity = parity
        self.item_beats, self.units = item_bytes // beat_bytes, item_bytes // unit_bytes
        if self.item_beats < 1 or self.units < 1:
            raise ValueError(f"an item of {item_bytes} bytes must hold a beat ({beat_bytes}) and a unit ({unit_bytes})")
        self.items, self.item_bytes, self.beat_bytes, self.unit_bytes = items, item_bytes, beat_bytes, unit_bytes
        self.capacity = items * self.item_beats
        free = Out(bits_for(self.capacity + 1), init=self.capacity)  # pyright: ignore[reportCallIssue]  # amaranth-stubs lacks `init`
        super().__init__(
            {
                "claim_en": In(1),
                "claim_beats": In(bits_for(self.capacity + 1)),
                "free_beats": free,
                "beat_en": In(1),
                "beat": In(8 * beat_bytes),
                "written": Out(bits_for(items) + 1),
                "read_en": In(1),
                "read_item": In(bits_for(items)),
                "read_unit": In(bits_for(self.units)),
                "data": Out(8 * unit_bytes),
                "release": In(1),
                "idle": Out(1),
                # Where lanes have a parity bit: one of the unit that came in `data` two cycles before was wrong.
                **({"wrong": Out(1)} if parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Words of whole units that hold a beat or more, so that a beat never completes two.
        units_per_word = max(1, 1 << (-(-self.beat_bytes // self.unit_bytes) - 1).bit_length())
        word_bytes = units_per_word * self.unit_bytes
        words_per_item = self.item_bytes // word_bytes
        lane_bytes = math.gcd(word_bytes, self.beat_bytes)
        # Where the words of an item are no power of two, some between two items are not used: addresses need no sums.
        words = self.items << (words_per_item - 1).bit_length()
        lane_bits = 8 * lane_bytes + self.parity
        m.submodules.memory = memory = Sram(word_bytes // lane_bytes * lane_bits, words, granularity=lane_bits)
        write_data, read_data = memory.write_data, memory.read_data
        if self.parity:
            write_data = Signal(8 * word_bytes)
            m.d.comb += memory.write_data.eq(protected(write_data, 8 * lane_bytes))
            read_data = plain(memory.read_data, 8 * lane_bytes)

        pending = Signal(bits_for(self.capacity + 1))
        if word_bytes % self.beat_bytes or self.item_beats & (self.item_beats - 1):
            self._write_in_lanes(m, memory, write_data, lane_bytes, words_per_item)
        else:
            self._write(m, memory, write_data, word_bytes // self.beat_bytes)
        m.d.comb += self.idle.eq(pending == 0)
        claimed = Signal.like(self.claim_beats)
        freed = Signal.like(self.claim_beats)
        m.d.comb += [
            claimed.eq(Mux(self.claim_en, self.claim_beats, 0)),
            freed.eq(Mux(self.release, self.item_beats, 0)),
        ]
        with m.If(self.claim_en | self.release):
            m.d.sync += self.free_beats.eq(self.free_beats - claimed + freed)
        with m.If(self.claim_en | self.beat_en):
            m.d.sync += pending.eq(pending + claimed - self.beat_en)

        unit = Cat(self.read_unit[: (self.units - 1).bit_length()], self.read_item)
        sub_bits = (units_per_word - 1).bit_length()
        sub = Signal(max(1, sub_bits))
        with m.If(self.read_en):
            m.d.sync += sub.eq(unit[:sub_bits])
        m.d.comb += [
            memory.read_en.eq(self.read_en),
            memory.read_addr.eq(unit[sub_bits:]),
            self.data.eq(read_data.word_select(sub, 8 * self.unit_bytes) if sub_bits else read_data),
        ]
        if self.parity:
            self._check(m, memory.read_data, sub, units_per_word, lane_bytes)
        return m

    def _check(self, m: Module, read_data: Value, sub: Signal, units_per_word: int, lane_bytes: int) -> None:
        """Of the word that was read, the lanes that unit `sub` of it touches."""
        touched: list[int] = []
        for unit in range(units_per_word):
            first, end = unit * self.unit_bytes // lane_bytes, -(-(unit + 1) * self.unit_bytes // lane_bytes)
            touched.append((1 << end) - (1 << first))
        read = Signal()
        used = Signal(units_per_word * self.unit_bytes // lane_bytes)  # lanes
        m.d.sync += [read.eq(self.read_en), used.eq(Mux(read, Array(touched)[sub], 0))]
        wrong = wrong_lanes(m, read_data, 8 * lane_bytes, "lane")
        m.d.sync += self.wrong.eq((used & wrong).any())

    def _write(self, m: Module, memory: Sram, write_data: Signal, beats_per_word: int) -> None:
        """All sizes are powers of two: one counter is item, word and beat within the word."""
        # Beats received, modulo twice the capacity: item number above, beat within the item below.
        beats = Signal(bits_for(2 * self.capacity))
        beat_bits, lane_bits = (self.item_beats - 1).bit_length(), (beats_per_word - 1).bit_length()
        with m.If(self.beat_en):
            m.d.sync += beats.eq(beats + 1)
        m.d.comb += [
            self.written.eq(beats[beat_bits:]),
            memory.write_addr.eq(beats[lane_bits:]),
            write_data.eq(Cat(self.beat for _ in range(beats_per_word))),
            memory.write_en.eq(Mux(self.beat_en, 1 << beats[:lane_bits] if lane_bits else 1, 0)),
        ]

    def _write_in_lanes(
        self, m: Module, memory: Sram, write_data: Signal, lane_bytes: int, words_per_item: int
    ) -> None:
        """Beats begin at any lane of a word. What is beyond its end is written with the next beat, at the head of the
        next word: items are whole beats and whole words, so there always is one."""
        lane_bits = 8 * lane_bytes
        beat_lanes, word_lanes = self.beat_bytes // lane_bytes, len(write_data) // lane_bits
        item = Signal(bits_for(self.items) + 1)
        word = Signal(bits_for(words_per_item))
        lane = Signal(bits_for(word_lanes))  # at which the beat begins
        previous = Signal(8 * self.beat_bytes, reset_less=True)
        stream = Cat(previous, self.beat)
        last_word = Signal()
        m.d.comb += [
            self.written.eq(item),
            memory.write_addr.eq(Cat(word[: (words_per_item - 1).bit_length()], item[:-1])),
            last_word.eq(word == words_per_item - 1),
        ]
        if beat_lanes == 1:
            m.d.comb += write_data.eq(Cat(self.beat for _ in range(word_lanes)))
        with m.Switch(lane):
            for first in range(word_lanes):
                with m.Case(first):
                    # Of the beat before it comes what did not fit: all lanes before `first`, if they are so few.
                    begin = 0 if first < beat_lanes else first
                    lanes = range(begin, min(first + beat_lanes, word_lanes))
                    for k in lanes if beat_lanes > 1 else ():
                        source = stream.word_select(beat_lanes + k - first, lane_bits)
                        m.d.comb += write_data.word_select(k, lane_bits).eq(source)
                    m.d.comb += memory.write_en.eq(Mux(self.beat_en, sum(1 << k for k in lanes), 0))
                    with m.If(self.beat_en):
                        m.d.sync += lane.eq((first + beat_lanes) % word_lanes)
                        if first + beat_lanes >= word_lanes:
                            m.d.sync += word.eq(word + 1)
                            with m.If(last_word):
                                m.d.sync += [word.eq(0), item.eq(item + 1)]
        with m.If(self.beat_en):
            m.d.sync += previous.eq(self.beat)
