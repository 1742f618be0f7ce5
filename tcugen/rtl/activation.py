"""The activation memory: a flat byte space of `rows`-byte words, interleaved over four banks.

Word w stands in bank w % 4. Each bank reads one and writes one word per cycle, so a read for the array (one or, if
unaligned, two neighbouring words) leaves at least two banks to the others. Who comes first is fixed:

    reads:  array, residual, pool, store          writes: drain, pool, load

The array and the output path never wait; requests of the others wait in a queue each, so that nobody's ready depends on
anybody else.

    cycle      0                1             2            3                4                  5
    operand    request          arbitrate     block RAM    bank register    bytes of two words rotate, pad
    words      into the queue   arbitrate     block RAM    bank register    choose the bank
    write      into a register  arbitrate, write
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from tcugen.arch import ACTIVATION_BANKS, Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS
from tcugen.rtl.delay import delayed
from tcugen.rtl.parity import protected, wrong_lanes
from tcugen.rtl.pipeline import Pipeline
from tcugen.rtl.queue import StreamQueue, StreamRegister
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
    """`n_bytes` bytes to be written at byte `address`, a multiple of `n_bytes`; `last`: they end an instruction's."""
    return data.StructLayout({"address": ACTIVATION_ADDRESS_BITS, "data": 8 * n_bytes, "last": 1})


def drain_layout(architecture: Architecture) -> data.StructLayout:
    """`output_lanes` bytes to be written at byte `address`, and 0 into `pad_steps` times as many bytes after them.

    Both lie in one word.
    """
    lanes = architecture.output_lanes
    return data.StructLayout(
        {"address": ACTIVATION_ADDRESS_BITS, "data": 8 * lanes, "pad_steps": bits_for(architecture.rows // lanes)}
    )


class ActivationMemory(Component):
    """Banks, arbitration and operand alignment.

    Members:
        operand_en, operand_request: A read for the array; `operand` holds it LATENCY cycles later.
        residual, pool, store: Streams of word addresses (byte address / rows). The words come in the same order, on
            `{name}_word` in a cycle with `{name}_word_valid`, READ_LATENCY cycles after a request whose bank is free.
            Whoever asks has room for them.
        drain_en, drain: A write of the output path; always taken, done in the next cycle.
        pool_write, load_write: Streams of writes: whole words, and min(bus_bytes, rows) bytes.
        pool_written, load_written: Pulse when a write that had `last` has been done: it can be read in this cycle.

    Reset: nothing is under way. Contents stay.
    """

    operand_en: Signal
    operand_request: data.View
    operand: data.View
    residual: stream.Interface
    pool: stream.Interface
    store: stream.Interface
    residual_word_valid: Signal
    pool_word_valid: Signal
    store_word_valid: Signal
    residual_word: Signal
    pool_word: Signal
    store_word: Signal
    drain_en: Signal
    drain: data.View
    pool_write: stream.Interface
    load_write: stream.Interface
    pool_written: Signal
    load_written: Signal
    operand_wrong: Signal

    LATENCY = 5
    READ_LATENCY = 4

    def __init__(self, architecture: Architecture):
        self.rows = architecture.rows
        self.bank_words = architecture.activation_bank_words
        self.parity = architecture.parity
        # A byte as it is in the memory, and on its way to who uses it: with its parity bit, if there is one, above it.
        self.stored_bits = 8 + self.parity
        self.word_bits = self.stored_bits * self.rows
        self.byte_bits = bits_for(self.rows)
        self.load_bytes = min(architecture.bus_bytes, self.rows)
        self.lanes = architecture.output_lanes
        word_address = ACTIVATION_ADDRESS_BITS - self.byte_bits
        super().__init__(
            {
                "operand_en": In(1),
                "operand_request": In(OPERAND_REQUEST),
                "operand": Out(data.ArrayLayout(signed(8), self.rows)),
                **{name: In(stream.Signature(word_address)) for name in READERS},
                **{f"{name}_word_valid": Out(1) for name in READERS},
                **{f"{name}_word": Out(self.word_bits) for name in READERS},
                "drain_en": In(1),
                "drain": In(drain_layout(architecture)),
                "pool_write": In(stream.Signature(write_layout(self.rows))),
                "load_write": In(stream.Signature(write_layout(self.load_bytes))),
                "pool_written": Out(1),
                "load_written": Out(1),
                # Where bytes have a parity bit: that of one in `operand`, two cycles before, was wrong.
                **({"operand_wrong": Out(1)} if self.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        banks = []
        for b in range(ACTIVATION_BANKS):
            m.submodules[f"bank{b}"] = bank = Sram(self.word_bits, self.bank_words, granularity=self.stored_bits)
            banks.append(bank)
        words = []
        for b, bank in enumerate(banks):
            word = Signal(self.word_bits, name=f"word_{b}", reset_less=True)
            m.d.sync += word.eq(bank.read_data)
            words.append(word)
        self._read(m, banks, words)
        self._align(m, words)
        self._write(m, banks)
        return m

    def _queued(self, m: Module, name: str):
        """The port's stream, after a queue of two, or of one where a payload comes every other cycle at most."""
        port = getattr(self, name)
        shape = port.payload.shape()
        queue = StreamRegister(shape) if name == "pool_write" else StreamQueue(shape, depth=2)
        m.submodules[f"{name}_requests"] = queue
        connect(m, flipped(port), queue.i)
        return queue.o

    def _read(self, m: Module, banks: list[Sram], words: list[Signal]) -> None:
        request = self.operand_request
        word = Signal.like(request.address[self.byte_bits :], name="first_word", reset_less=True)
        next_word = Signal.like(word, name="second_word", reset_less=True)
        first_en = Signal()
        second_en = Signal()
        m.d.sync += [
            word.eq(request.address[self.byte_bits :]),
            next_word.eq(request.address[self.byte_bits :] + 1),
            first_en.eq(self.operand_en),
            second_en.eq(self.operand_en & (request.address[: self.byte_bits] != 0)),
        ]
        readers = {name: self._queued(m, name) for name in READERS}
        for b, bank in enumerate(banks):
            with m.If(first_en & (word[:2] == b)):
                m.d.comb += [bank.read_en.eq(1), bank.read_addr.eq(word[2:])]
            with m.Elif(second_en & (next_word[:2] == b)):
                m.d.comb += [bank.read_en.eq(1), bank.read_addr.eq(next_word[2:])]
            for reader in readers.values():
                with m.Elif(reader.valid & (reader.payload[:2] == b)):
                    m.d.comb += [bank.read_en.eq(1), bank.read_addr.eq(reader.payload[2:]), reader.ready.eq(1)]

        for name, reader in readers.items():
            served = [Signal(name=f"{name}_served_{cycle}") for cycle in (2, 3)]
            bank = [Signal(2, name=f"{name}_bank_{cycle}", reset_less=True) for cycle in (2, 3)]
            m.d.sync += [
                served[0].eq(reader.valid & reader.ready),
                served[1].eq(served[0]),
                bank[0].eq(reader.payload[:2]),
                bank[1].eq(bank[0]),
                getattr(self, f"{name}_word_valid").eq(served[1]),
                getattr(self, f"{name}_word").eq(Array(words)[bank[1]]),
            ]

    def _align(self, m: Module, words: list[Signal]) -> None:
        """Cycles 3 to 5 of an operand read: its bytes of two words, rotated into place; padding where it is outside."""
        request, rows, bits = self.operand_request, self.rows, self.stored_bits
        pipe = Pipeline(m, Const(1), "operand_")
        bank = pipe.delayed("bank", request.address[self.byte_bits : self.byte_bits + 2], 2)[-1]
        shifts = pipe.delayed("shift", request.address[: self.byte_bits], 4)
        pad = pipe.delayed("pad", request.pad.as_unsigned(), 4)[-1]
        mask = pipe.register("mask", self._valid_bytes(pipe))
        taken = []
        for place in range(rows):
            # Bytes in front of the first one come from the next word.
            in_next = shifts[2] > place if place < rows - 1 else 0
            choice = pipe.register(f"choice_{place}", (bank + in_next)[:2])
            taken.append(Array(word[bits * place : bits * place + bits] for word in words)[choice])
        rotated = pipe.register("bytes", Cat(taken))
        for level in range(self.byte_bits):
            distance = bits << level
            rotated = Mux(shifts[4][level], Cat(rotated[distance:], rotated[:distance]), rotated)
            rotated = pipe.wire(f"rotated_{level}", rotated)
        for j in range(rows):
            m.d.sync += self.operand[j].eq(Mux(mask[j], rotated[bits * j : bits * j + 8], pad))
        if self.parity:
            self._check(m, mask, rotated)

    def _check(self, m: Module, mask: Value, rotated: Value) -> None:
        """Bytes of an operand that lie inside its row, with their parity bits."""
        parity_bits = Signal(self.rows, name="operand_parity", reset_less=True)
        from_memory = Signal(self.rows, name="operand_from_memory", reset_less=True)
        checked = Signal(self.rows, name="operand_checked", reset_less=True)
        m.d.sync += [
            parity_bits.eq(Cat(rotated[9 * j + 8] for j in range(self.rows))),
            from_memory.eq(mask),
            checked.eq(from_memory),
        ]
        stored = Cat(Cat(self.operand[j], parity_bits[j]) for j in range(self.rows))
        wrong = (checked & wrong_lanes(m, stored, 8, "operand")).any()
        m.d.sync += self.operand_wrong.eq(delayed(m, self.operand_en, self.LATENCY + 1, "operand_line") & wrong)

    def _valid_bytes(self, pipe: Pipeline) -> Value:
        """One bit per operand byte, three cycles after the request: it lies inside the input row."""
        request = self.operand_request
        everything = Const((1 << self.rows) - 1, self.rows)
        outside = pipe.delayed("outside", request.outside, 2)[-1]
        offset = pipe.register("offset", request.offset)
        left = pipe.register("left", request.row_bytes - request.offset)
        # before: leading bytes that are padding; inside: bytes up to the end of the row; both 0 .. rows.
        bits = bits_for(self.rows + 1)
        before = Mux(offset >= 0, 0, Mux(offset <= -self.rows, self.rows, -offset))
        inside = Mux(left >= self.rows, self.rows, Mux(left <= 0, 0, left))
        before, inside = pipe.register("before", before[:bits]), pipe.register("inside", inside[:bits])
        valid = (everything << before) & ~(everything << inside)
        return pipe.register("valid", Mux(outside, 0, valid[: self.rows]))

    def _padded(self) -> tuple[Value, Value]:
        """Byte enables and word of a write of the output path."""
        steps = self.rows // self.lanes
        first = self.drain.address[bits_for(self.lanes) if self.lanes > 1 else 0 : self.byte_bits]
        if steps == 1:
            return Const((1 << self.rows) - 1, self.rows), self.drain.data
        since = Const((1 << steps) - 1, steps) << first
        beyond = Const((1 << steps) - 2, steps) << first << self.drain.pad_steps
        written = since[:steps] & ~beyond[:steps]
        word = Cat(Mux(first == step, self.drain.data, 0) for step in range(steps))
        return Cat(bit.replicate(self.lanes) for bit in written), word

    def _write(self, m: Module, banks: list[Sram]) -> None:
        byte_bits, pipe = self.byte_bits, Pipeline(m, Const(1), "drain_")
        enables, word = self._padded()
        drain_en = Signal()
        m.d.sync += drain_en.eq(self.drain_en)
        drain_enables, drain_word = pipe.register("enables", enables), pipe.register("word", word)
        drain_address = pipe.register("address", self.drain.address)
        pool, load = self._queued(m, "pool_write"), self._queued(m, "load_write")
        lane = load.payload.address[bits_for(self.load_bytes) : byte_bits]
        load_enables = Const((1 << self.load_bytes) - 1, self.load_bytes)
        if self.load_bytes < self.rows:
            load_enables = (load_enables << (lane * self.load_bytes))[: self.rows]
        writes = (
            (drain_en, drain_address, drain_enables, drain_word),
            (pool.valid, pool.payload.address, Const((1 << self.rows) - 1, self.rows), pool.payload.data),
            (
                load.valid,
                load.payload.address,
                load_enables,
                Cat(load.payload.data for _ in range(self.rows // self.load_bytes)),
            ),
        )
        contents = [bank.write_data for bank in banks]
        if self.parity:
            contents = [Signal(8 * self.rows, name=f"content_{b}") for b in range(len(banks))]
            m.d.comb += [
                bank.write_data.eq(protected(content, 8)) for bank, content in zip(banks, contents, strict=True)
            ]
        for b, bank in enumerate(banks):
            for valid, address, byte_enables, content in reversed(writes):  # a later assignment wins
                with m.If(valid & (address[byte_bits : byte_bits + 2] == b)):
                    m.d.comb += [
                        bank.write_addr.eq(address[byte_bits + 2 :]),
                        contents[b].eq(content),
                        bank.write_en.eq(byte_enables),
                    ]
        banks_of = [address[byte_bits : byte_bits + 2] for _, address, *_ in writes]
        pool_waits = drain_en & (banks_of[0] == banks_of[1])
        load_waits = (drain_en & (banks_of[0] == banks_of[2])) | (pool.valid & (banks_of[1] == banks_of[2]))
        m.d.comb += [pool.ready.eq(~pool_waits), load.ready.eq(~load_waits)]
        m.d.sync += [
            self.pool_written.eq(pool.valid & pool.ready & pool.payload.last),
            self.load_written.eq(load.valid & load.ready & load.payload.last),
        ]
