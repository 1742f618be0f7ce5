"""What `build --parity` says of its price."""

from dataclasses import replace

from tcugen.console.parity_price import parity_price
from tcugen.fpga.calibration import MACHINES


def test_bits_and_what_they_take_of_a_part():
    machine = replace(MACHINES[0], parity=1)
    # Of 16 KiB one bit in nine more; of 22-bit sums one each; of words of 64 bits one each.
    plain = 131_072 + 8 * 128 * 22 + 2304 * 32 + 256 * 9 + 64 * (512 + 128 + 64 + 256 + 128 + 128)
    bits = plain + 131_072 // 8 + 8 * 128 + (512 + 128 + 64 + 256 + 128 + 128)
    said = parity_price(machine, "ecp5")
    assert said[0].startswith(f"parity: {bits:,} bits of memory instead of {plain:,}, +6.1%")
    assert said[1].startswith("parity, estimated: 34 block RAM instead of 34 and ")


def test_a_machine_without_parity_has_none():
    assert parity_price(MACHINES[0], "ecp5") == []


def test_without_a_part_nothing_is_estimated():
    assert len(parity_price(replace(MACHINES[0], parity=1))) == 1
