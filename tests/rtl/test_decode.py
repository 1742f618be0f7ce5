import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from tcugen.isa import Instruction, Opcode, layout
from tcugen.rtl.decode import INSTRUCTION_BITS, fields, header


@pytest.mark.parametrize("opcode", list(Opcode))
def test_fields_equal_the_encoder(opcode):
    generator = random.Random(1)
    word = Signal(INSTRUCTION_BITS)
    decoded = vars(header(word)) | ({} if opcode is Opcode.END else vars(fields(opcode, word)))
    module = Module()
    outputs = {}
    for name, value in decoded.items():
        outputs[name] = Signal(value.shape(), name=name)
        module.d.comb += outputs[name].eq(value)

    async def bench(ctx):
        for _ in range(20):
            values = {}
            for name, placed in layout(opcode).items():
                bits = placed.field.bits
                low = -(1 << bits - 1) if placed.field.signed else 0
                values[name] = generator.choice([low, low + (1 << bits) - 1, low + generator.getrandbits(bits)])
            written = ("opcode", "shared")
            instruction = Instruction(opcode, {name: value for name, value in values.items() if name not in written})
            values |= {name: instruction[name] for name in written}
            ctx.set(word, int.from_bytes(instruction.encode(), "little"))
            assert {name: ctx.get(signal) for name, signal in outputs.items()} == values

    simulator = Simulator(module)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_word_of_the_wrong_width_is_refused():
    with pytest.raises(ValueError, match="500 bits wide"):
        fields(Opcode.LOAD, Signal(500))
