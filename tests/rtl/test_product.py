from random import Random

import pytest

from tcugen.rtl.product import SerialProduct
from tests.rtl.streams import run


@pytest.mark.parametrize("widths", [(12, 24, 16), (4, 24), (1, 3)], ids=str)
def test_products_and_their_cycles(widths):
    factor_bits, *operand_bits = widths
    dut, random = SerialProduct(factor_bits, **{f"o{i}": bits for i, bits in enumerate(operand_bits)}), Random(1)
    factors = [0, 1, (1 << factor_bits) - 1, *(random.getrandbits(factor_bits) for _ in range(60))]

    async def driver(ctx):
        for factor in factors:
            operands = [random.getrandbits(bits) for bits in operand_bits]
            ctx.set(dut.factor, factor)
            for i, operand in enumerate(operands):
                ctx.set(dut.operands[f"o{i}"], operand)
            ctx.set(dut.start, 1)
            await ctx.tick()
            # What comes after the start does not matter.
            ctx.set(dut.start, 0)
            ctx.set(dut.factor, random.getrandbits(factor_bits))
            ctx.set(dut.operands.o0, random.getrandbits(operand_bits[0]))
            for _ in range(factor.bit_length()):
                assert not ctx.get(dut.ready)
                await ctx.tick()
            for _ in range(random.randrange(3)):
                assert ctx.get(dut.ready)
                products = [ctx.get(dut.products[f"o{i}"]) for i in range(len(operands))]
                assert products == [
                    factor * operand % (1 << bits) for operand, bits in zip(operands, operand_bits, strict=True)
                ]
                await ctx.tick()

    run(dut, driver)
