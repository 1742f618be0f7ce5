"""The activation memory: a flat byte space of `rows`-byte words, interleaved over four banks.

Word w stands in bank w % 4. Each bank reads one and writes one word per cycle, so a read for the array (one or, if
unaligned, two neighbouring words) leaves at least two banks to the others. Who comes first is fixed:

    reads:  array, residual, pool, store          writes: drain, pool, load

The array and the output path never wait; the others hold their request until their bank is free.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import ACTIVATION_BANKS, Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS
from tcugen.rtl.sram import Sram

READERS = ("residual", "pool", "store")


OPERAND_REQUEST = data.StructLayout(
    {
        "address": ACTIVATION_ADDRESS_BITS,
        "offset": signed(ACTIVATION_ADDRESS_BITS),
        "row_bytes": ACTIVATION_ADDRESS_BITS,
        "outside": 1,
        "pad": signed(8),
    }
)
"""One operand word for the array.

Attributes:
    address: Byte address of byte 0; need not be aligned.
    offset: Offset of byte 0 in its input row; bytes outside 0 .. row_bytes - 1 read as `pad`.
    row_bytes: Bytes of the input row.
    outside: The whole row is padding.
    pad: Padding value.
"""


def write_layout(n_bytes: int) -> data.StructLayout:
    """`n_bytes` bytes to be written at byte `address`, a multiple of `n_bytes`."""
    return data.StructLayout({"address": ACTIVATION_ADDRESS_BITS, "data": 8 * n_bytes})


def drain_layout(architecture: Architecture) -> data.StructLayout:
    """`output_lanes` bytes to be written at byte `address`, and 0 into `pad_steps` times as many bytes behind them.

    Both lie in one word.
    """
    lanes = architecture.output_lanes
    return data.StructLayout(
        {"address": ACTIVATION_ADDRESS_BITS, "data": 8 * lanes, "pad_steps": bits_for(architecture.rows // lanes)}
    )


class ActivationMemory(Component):
    """Banks, arbitration and operand alignment.

    Members:
        operand_en, operand_request: A read for the array; `operand` holds it two cycles later.
        residual, pool, store: Streams of word addresses (byte address / rows). `{name}_data` holds the word in the
            cycle after the transfer.
        drain_en, drain: A write of the output path; always taken.
        pool_write, load_write: Streams of writes: whole words, and min(bus_bytes, rows) bytes.

    Latency: operand 2 cycles, words 1 cycle; a written byte can be read in the next cycle.
    """

    operand_en: Signal
    operand_request: data.View
    operand: data.View
    residual: stream.Interface
    pool: stream.Interface
    store: stream.Interface
    residual_data: Signal
    pool_data: Signal
    store_data: Signal
    drain_en: Signal
    drain: data.View
    pool_write: stream.Interface
    load_write: stream.Interface

    LATENCY = 2

    def __init__(self, architecture: Architecture):
        self.rows = architecture.rows
        self.bank_words = architecture.activation_bank_words
        self.word_bits = 8 * self.rows
        self.address_bits = bits_for(self.bank_words)
        word_address = ACTIVATION_ADDRESS_BITS - bits_for(self.rows)
        self.load_bytes = min(architecture.bus_bytes, self.rows)
        self.lanes = architecture.output_lanes
        super().__init__(
            {
                "operand_en": In(1),
                "operand_request": In(OPERAND_REQUEST),
                "operand": Out(data.ArrayLayout(signed(8), self.rows)),
                **{name: In(stream.Signature(word_address)) for name in READERS},
                **{f"{name}_data": Out(self.word_bits) for name in READERS},
                "drain_en": In(1),
                "drain": In(drain_layout(architecture)),
                "pool_write": In(stream.Signature(write_layout(self.rows))),
                "load_write": In(stream.Signature(write_layout(self.load_bytes))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        banks = []
        for b in range(ACTIVATION_BANKS):
            m.submodules[f"bank{b}"] = bank = Sram(self.word_bits, self.bank_words, granularity=8)
            banks.append(bank)
        self._read(m, banks)
        self._write(m, banks)
        return m

    def _read(self, m: Module, banks: list[Sram]) -> None:
        request = self.operand_request
        byte_bits = bits_for(self.rows)
        word = request.address[byte_bits:]
        next_word = Signal.like(word, name="next_word")
        aligned = Signal()
        m.d.comb += [next_word.eq(word + 1), aligned.eq(request.address[:byte_bits] == 0)]

        for b, bank in enumerate(banks):
            first = Signal(name=f"array_first_{b}")
            second = Signal(name=f"array_second_{b}")
            m.d.comb += [
                first.eq(self.operand_en & (word[:2] == b)),
                second.eq(self.operand_en & ~aligned & (next_word[:2] == b)),
            ]
            with m.If(first):
                m.d.comb += [bank.read_en.eq(1), bank.read_addr.eq(word[2:])]
            with m.Elif(second):
                m.d.comb += [bank.read_en.eq(1), bank.read_addr.eq(next_word[2:])]
            for name in READERS:
                reader = getattr(self, name)
                with m.Elif(reader.valid & (reader.payload[:2] == b)):
                    m.d.comb += [bank.read_en.eq(1), bank.read_addr.eq(reader.payload[2:]), reader.ready.eq(1)]

        words = Array(bank.read_data for bank in banks)
        for name in READERS:
            reader = getattr(self, name)
            chosen = Signal(2, name=f"{name}_bank")
            m.d.sync += chosen.eq(reader.payload[:2])
            m.d.comb += getattr(self, f"{name}_data").eq(words[chosen])
        self._align(m, words)

    def _align(self, m: Module, words: Array) -> None:
        """Second cycle of an operand read: shift the two words, replace what is padding."""
        request = self.operand_request
        byte_bits = bits_for(self.rows)
        bank = Signal(2)
        shift = Signal(byte_bits)
        mask = Signal(self.rows)
        pad = Signal(8)
        m.d.sync += [
            bank.eq(request.address[byte_bits : byte_bits + 2]),
            shift.eq(request.address[:byte_bits]),
            mask.eq(self._valid_bytes(m)),
            pad.eq(request.pad),
        ]
        shifted = Signal(self.word_bits)
        kept = Signal(self.word_bits)
        m.d.comb += shifted.eq(words[bank])
        with m.If(shift != 0):
            m.d.comb += shifted.eq(Cat(words[bank], words[(bank + 1)[:2]]) >> (shift << 3))
        m.d.comb += kept.eq(shifted)
        with m.If(~mask.all()):
            for j in range(self.rows):
                with m.If(~mask[j]):
                    m.d.comb += kept[8 * j : 8 * j + 8].eq(pad)
        m.d.sync += self.operand.eq(kept)

    def _valid_bytes(self, m: Module) -> Signal:
        """One bit per operand byte: it lies inside the input row."""
        request = self.operand_request
        everything = Const((1 << self.rows) - 1, self.rows)
        before = Signal(bits_for(self.rows + 1))
        inside = Signal(bits_for(self.rows + 1))
        left = Signal(signed(ACTIVATION_ADDRESS_BITS + 2))
        m.d.comb += left.eq(request.row_bytes - request.offset)
        # before: leading bytes that are padding; inside: bytes up to the end of the row; both 0 .. rows.
        m.d.comb += [
            before.eq(Mux(request.offset >= 0, 0, Mux(request.offset <= -self.rows, self.rows, -request.offset))),
            inside.eq(Mux(left >= self.rows, self.rows, Mux(left <= 0, 0, left))),
        ]
        valid = Signal(self.rows)
        with m.If(~request.outside):
            m.d.comb += valid.eq((everything << before) & ~(everything << inside))
        return valid

    def _padded(self, m: Module) -> tuple[Signal, Signal]:
        """Byte enables and word of a write of the output path."""
        steps = self.rows // self.lanes
        first = self.drain.address[bits_for(self.lanes) if self.lanes > 1 else 0 : bits_for(self.rows)]
        enables = Signal(self.rows, name="drain_enables")
        word = Signal(self.word_bits, name="drain_word")
        for step in range(steps):
            place = slice(8 * self.lanes * step, 8 * self.lanes * (step + 1))
            enabled = (first <= step) & (step <= first + self.drain.pad_steps)
            m.d.comb += enables[self.lanes * step : self.lanes * (step + 1)].eq(enabled.replicate(self.lanes))
            with m.If(first == step):
                m.d.comb += word[place].eq(self.drain.data)
        return enables, word

    def _write(self, m: Module, banks: list[Sram]) -> None:
        byte_bits = bits_for(self.rows)
        drain_enables, drain_word = self._padded(m)
        for b, bank in enumerate(banks):

            def place(port, n_bytes: int, bank: Sram = bank) -> list:
                """Write `n_bytes` bytes into their lane of the word."""
                lane = port.address[bits_for(n_bytes) if n_bytes > 1 else 0 : byte_bits]
                enables = Const((1 << n_bytes) - 1, n_bytes)
                return [
                    bank.write_addr.eq(port.address[byte_bits + 2 :]),
                    bank.write_data.eq(Cat(port.data for _ in range(self.rows // n_bytes))),
                    bank.write_en.eq(enables << (lane * n_bytes) if n_bytes < self.rows else enables),
                ]

            def chosen(port, b: int = b):
                return port.address[byte_bits : byte_bits + 2] == b

            with m.If(self.drain_en & chosen(self.drain)):
                m.d.comb += [
                    bank.write_addr.eq(self.drain.address[byte_bits + 2 :]),
                    bank.write_data.eq(drain_word),
                    bank.write_en.eq(drain_enables),
                ]
            with m.Elif(self.pool_write.valid & chosen(self.pool_write.payload)):
                m.d.comb += [*place(self.pool_write.payload, self.rows), self.pool_write.ready.eq(1)]
            with m.Elif(self.load_write.valid & chosen(self.load_write.payload)):
                m.d.comb += [*place(self.load_write.payload, self.load_bytes), self.load_write.ready.eq(1)]
