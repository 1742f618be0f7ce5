"""Where the cycles went: totals of a run and a table by layer."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
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

LAYER_READ_CYCLES = 3
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

_ROW = 16  # flags of touched layers are set in rows of this many


class Counters(wiring.Component):
    """Counts cycles and bytes while `running`.

    Members:
        running: This cycle counts.
        busy, busy_layer: The array took an operand of this layer.
        stall_reason, stall_layer: Why it took none (Stall), and the layer it waits for.
        read_beat, write_beat: A beat was read, written.
        totals: One cycle behind. They wrap at 2**48.
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
        """Read, add, write: one count per cycle. Only the write of the cycle before can be missed by a read."""
        counters = BUSY + 1
        m.submodules.counts = counts = Sram(LAYER_COUNT_BITS, counters * LAYERS)
        m.submodules.masks = masks = Sram(counters, LAYERS)
        touched = self._touched(m, counting, entry)

        # Second cycle.
        adding = Signal()
        adding_hidden = Signal()
        adding_entry = Signal.like(entry)
        adding_counter = Signal.like(counter)
        m.d.comb += [
            counts.read_en.eq(1),
            counts.read_addr.eq(Cat(entry, counter)),
            masks.read_en.eq(1),
            masks.read_addr.eq(entry),
        ]
        m.d.sync += [
            adding.eq(counting),
            adding_hidden.eq(hidden),
            adding_entry.eq(entry),
            adding_counter.eq(counter),
        ]
        # What the cycle before wrote, and whether the present read was for the same layer, the same count.
        written_mask = Signal(counters)
        written_count = Signal(LAYER_COUNT_BITS)
        same_entry = Signal()
        same_counter = Signal()
        m.d.sync += [
            written_mask.eq(masks.write_data),
            written_count.eq(counts.write_data),
            same_entry.eq(adding & (entry == adding_entry)),
            same_counter.eq(adding & (entry == adding_entry) & (counter == adding_counter)),
        ]
        mask = Signal(counters)
        count = Signal(LAYER_COUNT_BITS)
        with m.If(same_entry):
            m.d.comb += mask.eq(written_mask)
        with m.Elif(touched):
            m.d.comb += mask.eq(masks.read_data)
        with m.If(same_counter):
            m.d.comb += count.eq(written_count)
        with m.Elif(mask.bit_select(adding_counter, 1)):
            m.d.comb += count.eq(counts.read_data)
        m.d.comb += [
            masks.write_en.eq(adding),
            masks.write_addr.eq(adding_entry),
            masks.write_data.eq(mask | (1 << adding_counter)),
            counts.write_en.eq(adding),
            counts.write_addr.eq(Cat(adding_entry, adding_counter)),
            counts.write_data.eq(count + 1),
        ]
        m.d.sync += self.layer_count.eq(Mux(adding | adding_hidden, 0, count))

    @staticmethod
    def _touched(m: Module, counting: Signal, entry: Signal) -> Signal:
        """Set the flag of the layer that is counted; return whether it was set before, one cycle later."""
        row_bits = exact_log2(_ROW)
        flags = [Signal(_ROW, name=f"touched_{row}") for row in range(LAYERS // _ROW)]
        row = Signal(_ROW)
        chosen = Signal(_ROW)
        touched = Signal()
        m.d.comb += chosen.eq(1 << entry[:row_bits])
        with m.Switch(entry[row_bits:]):
            for number, flag in enumerate(flags):
                with m.Case(number):
                    m.d.comb += row.eq(flag)
                    with m.If(counting):
                        m.d.sync += flag.eq(flag | chosen)
        m.d.sync += touched.eq((row & chosen).any())
        return touched
