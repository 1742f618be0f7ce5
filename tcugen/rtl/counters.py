"""Where the cycles went: totals of a run and a table by layer."""

from collections.abc import Callable
from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import Architecture, bits_for
from tcugen.registers import Stall
from tcugen.rtl.dispatch import LAYER_BITS
from tcugen.rtl.sram import Sram

LAYERS = 256
"""Layers with counters of their own; layer numbers from LAYERS - 1 on share the last."""

TOTAL_BITS = 48
LAYER_COUNT_BITS = 32

BUSY = len(Stall)
"""Number of the counter of busy cycles within a layer; the counters of stalled cycles have the numbers of Stall."""

LAYER_READ_CYCLES = 5
"""From `layer` and `counter` to `layer_count`."""

TOTALS = data.StructLayout(
    {
        "cycles": TOTAL_BITS,
        "busy": TOTAL_BITS,
        "stall": data.ArrayLayout(TOTAL_BITS, len(Stall)),
        "bytes_read": TOTAL_BITS,
        "bytes_written": TOTAL_BITS,
    }
)


def _word(place: data.View) -> Value:
    return Cat(place.entry, place.counter)


class _Recent:
    """A memory whose words are read, changed and written back, one in every cycle.

    A word is read in the cycle before `place` is in `places[0]`, and written when it is in `places[1]`. `found`: the
    `value` then is what one of the two cycles before wrote; else it is what the memory held, defined or not.
    """

    def __init__(self, m: Module, name: str, memory: Sram, address: Value, places: tuple, key: Callable):
        self._memory, self._key = memory, key
        arriving, present, before = places
        read, last, earlier = (
            Signal(memory.width, name=f"{name}_{when}", reset_less=True) for when in ("read", "last", "earlier")
        )
        same_last, same_earlier = (Signal(name=f"{name}_is_{when}") for when in ("last", "earlier"))
        self.value, self.found, self._last = Signal(memory.width, name=name), Signal(name=f"{name}_found"), last
        m.d.comb += [
            memory.read_en.eq(1),
            memory.read_addr.eq(address),
            self.found.eq(same_last | same_earlier),
            self.value.eq(Mux(same_last, last, Mux(same_earlier, earlier, read))),
        ]
        m.d.sync += [
            read.eq(memory.read_data),
            same_last.eq(present.counting & (key(present) == key(arriving))),
            same_earlier.eq(before.counting & (key(before) == key(arriving))),
            earlier.eq(last),
        ]

    def write(self, m: Module, place: data.View, value: Value) -> None:
        m.d.comb += [
            self._memory.write_en.eq(place.counting),
            self._memory.write_addr.eq(self._key(place)),
            self._memory.write_data.eq(value),
        ]
        m.d.sync += self._last.eq(self._memory.write_data)


_ROW = 16  # flags of touched layers are set in rows of this many


class Counters(wiring.Component):
    """Counts cycles and bytes while `running`.

    Members:
        running: This cycle counts.
        busy, busy_layer: The array took an operand of this layer.
        stall_reason, stall_layer: Why it took none (Stall), and the layer it waits for.
        read_beat, write_beat: A beat was read, written.
        totals: One cycle late. They wrap at 2**48.
        layer, counter: Which count to show: a layer, and BUSY or a Stall.
        layer_count: The count of LAYER_READ_CYCLES before, 0 for layers from LAYERS on, and while running. It wraps
            at 2**32.

    Each running cycle is counted once in the totals and once in the table, so the sums over the layers equal
    the totals exactly, for any order of layers. A reset sets everything to zero.

    The table is a memory which no reset can clear. A flag per layer, cleared by the reset, says whether the layer has
    been touched since; if so a mask in a second memory says which of its counts have. A count that has not is zero
    whatever its word holds: the words are never read before they are written, and a run can start at once.
    """

    running: Signal
    busy: Signal
    busy_layer: Signal
    stall_reason: Signal
    stall_layer: Signal
    read_beat: Signal
    write_beat: Signal
    totals: data.View
    layer: Signal
    counter: Signal
    layer_count: Signal

    def __init__(self, architecture: Architecture):
        self.beat_bits = exact_log2(architecture.bus_bytes)
        super().__init__(
            {
                "running": In(1),
                "busy": In(1),
                "busy_layer": In(LAYER_BITS),
                "stall_reason": In(Stall),
                "stall_layer": In(LAYER_BITS),
                "read_beat": In(1),
                "write_beat": In(1),
                "totals": Out(TOTALS),
                "layer": In(LAYER_BITS),
                "counter": In(range(BUSY + 1)),
                "layer_count": Out(LAYER_COUNT_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # First cycle: what is to be counted, or shown when nothing is.
        counting = Signal()
        hidden = Signal()
        counter = Signal(range(BUSY + 1))
        layer = Signal(LAYER_BITS)
        entry = Signal(bits_for(LAYERS))
        m.d.comb += layer.eq(Mux(self.running, Mux(self.busy, self.busy_layer, self.stall_layer), self.layer))
        m.d.sync += [
            counting.eq(self.running),
            hidden.eq(layer >= LAYERS),
            counter.eq(Mux(self.running, Mux(self.busy, BUSY, self.stall_reason), self.counter)),
            entry.eq(Mux(layer >= LAYERS, LAYERS - 1, layer)),
        ]
        self._count_totals(m, counting, counter)
        self._count_layer(m, counting, hidden, entry, counter)
        return m

    def _count_totals(self, m: Module, counting: Signal, counter: Signal) -> None:
        read = Signal()
        written = Signal()
        beats_read = Signal(TOTAL_BITS - self.beat_bits)
        beats_written = Signal(TOTAL_BITS - self.beat_bits)
        m.d.sync += [read.eq(self.running & self.read_beat), written.eq(self.running & self.write_beat)]
        m.d.comb += [
            self.totals.bytes_read.eq(Cat(Const(0, self.beat_bits), beats_read)),
            self.totals.bytes_written.eq(Cat(Const(0, self.beat_bits), beats_written)),
        ]
        with m.If(read):
            m.d.sync += beats_read.eq(beats_read + 1)
        with m.If(written):
            m.d.sync += beats_written.eq(beats_written + 1)
        totals = {BUSY: Signal(TOTAL_BITS, name="busy_cycles")}
        totals |= {stall: Signal(TOTAL_BITS, name=f"stall_{stall.name.lower()}_cycles") for stall in Stall}
        cycles = Signal(TOTAL_BITS)
        with m.If(counting):
            m.d.sync += cycles.eq(cycles + 1)
            with m.Switch(counter):
                for number, total in totals.items():
                    with m.Case(number):
                        m.d.sync += total.eq(total + 1)
        m.d.comb += [self.totals.cycles.eq(cycles), self.totals.busy.eq(totals[BUSY])]
        m.d.comb += [self.totals.stall[stall].eq(totals[stall]) for stall in Stall]

    def _count_layer(self, m: Module, counting: Signal, hidden: Signal, entry: Signal, counter: Signal) -> None:
        """One count per cycle, each in four cycles: read the mask, read the count, write the mask, write the count.

        What a memory gives goes into a register first. So a read misses the writes of the two cycles before, which are
        kept beside the memory.
        """
        counters = BUSY + 1
        m.submodules.counts = counts = Sram(LAYER_COUNT_BITS, counters * LAYERS)
        m.submodules.masks = masks = Sram(counters, LAYERS)
        place = data.StructLayout({"counting": 1, "hidden": 1, "entry": len(entry), "counter": len(counter)})
        first, second, third, fourth, written = places = [Signal(place, name=f"place_{cycle}") for cycle in range(1, 6)]
        m.d.comb += first.as_value().eq(Cat(counting, hidden, entry, counter))
        m.d.sync += [after.eq(before) for before, after in pairwise(places)]

        mask = _Recent(m, "mask", masks, first.entry, (second, third, fourth), lambda place: place.entry)
        touched = Signal()
        known = Signal()
        m.d.sync += touched.eq(self._touched(m, counting, entry))
        marked = Signal(counters)
        m.d.comb += marked.eq(Mux(mask.found | touched, mask.value, 0) | (1 << third.counter))
        mask.write(m, third, marked)
        m.d.sync += known.eq((Mux(mask.found | touched, mask.value, 0) & (1 << third.counter)).any())

        count = _Recent(m, "count", counts, _word(second), (third, fourth, written), _word)
        shown = Signal(LAYER_COUNT_BITS)
        m.d.comb += shown.eq(Mux(count.found | known, count.value, 0))
        count.write(m, fourth, shown + 1)
        m.d.sync += self.layer_count.eq(Mux(fourth.counting | fourth.hidden, 0, shown))

    @staticmethod
    def _touched(m: Module, counting: Signal, entry: Signal) -> Value:
        """Set the flag of the layer that is counted; return whether it was set before, one cycle later.

        A row of flags goes into a register, one of them is chosen after that.
        """
        row_bits = exact_log2(_ROW)
        flags = [Signal(_ROW, name=f"touched_{row}") for row in range(LAYERS // _ROW)]
        row = Signal(_ROW)
        chosen = Signal(_ROW)
        row_read = Signal(_ROW, name="row_read")
        chosen_before = Signal(_ROW, name="chosen_before")
        m.d.comb += chosen.eq(1 << entry[:row_bits])
        with m.Switch(entry[row_bits:]):
            for number, flag in enumerate(flags):
                with m.Case(number):
                    m.d.comb += row.eq(flag)
                    with m.If(counting):
                        m.d.sync += flag.eq(flag | chosen)
        m.d.sync += [row_read.eq(row), chosen_before.eq(chosen)]
        return (row_read & chosen_before).any()
