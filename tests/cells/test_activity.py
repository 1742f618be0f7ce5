"""Toggles and high time of bits, from waves written by hand."""

import io

import pytest

from tcugen.cells.activity import Activity, read_activities, read_bits
from tcugen.cells.cell_library import find_library, read_liberty
from tcugen.cells.flat import flatten
from tcugen.fpga.errors import SynthesisError
from tests.cells.netlists import machine
from tests.typed import present

HEAD = """$scope module TOP $end
 $scope module tcu_top $end
  $var wire 1 ! x $end
  $var wire 2 " word [1:0] $end
  $scope module u_a $end
   $var reg 1 # held $end
   $var reg 1 $ other $end
  $upscope $end
  $scope module u_b $end
   $var wire 1 # also $end
  $upscope $end
 $upscope $end
$upscope $end
$enddefinitions $end
"""
WAVES = f"""{HEAD}#100
0!
bx1 "
1#
#102
1!
b10 "
#104
b11 "
0#
#108
"""
"""Four cycles of two ticks."""


def test_toggles_per_cycle_and_share_of_time():
    names = {"TOP.tcu_top.x", "TOP.tcu_top.word", "TOP.tcu_top.u_a.held", "TOP.tcu_top.u_b.also"}
    bits, cycles = read_bits(io.StringIO(WAVES), names)
    assert cycles == 4
    assert bits == {
        ("TOP.tcu_top.x", 0): Activity(1 / 4, 6 / 8),
        # What is undefined reads as 0.
        ("TOP.tcu_top.word", 0): Activity(1 / 4, 4 / 8),
        ("TOP.tcu_top.word", 1): Activity(1 / 4, 6 / 8),
        ("TOP.tcu_top.u_a.held", 0): Activity(1 / 4, 4 / 8),
        ("TOP.tcu_top.u_b.also", 0): Activity(1 / 4, 4 / 8),
    }


@pytest.fixture
def flat():
    return flatten(machine(), "tcu_top", read_liberty(present(find_library("osu018"))))


def test_what_the_waves_lack_is_given_the_mean_of_its_kind(tmp_path, flat):
    (tmp_path / "w.vcd").write_text(WAVES)
    registers = {flat.name(cell.pins["Q"]): cell.pins["Q"] for cell in flat.cells if "Q" in cell.pins}
    found = read_activities(tmp_path / "w.vcd", flat, registers.values())
    assert found.nets[registers["a.q"]] == found.nets[registers["b.q"]] == Activity(0.25, 0.5)
    by_name = {flat.name(net): found.nets[net] for net in flat.inputs}
    assert by_name["x"] == by_name["word[1]"] == Activity(0.25, 0.75)
    # Three nets of the storage have no name: the mean of x and both bits of word.
    assert by_name[""].high == pytest.approx((0.75 + 0.5 + 0.75) / 3)
    assert found.seen == 4 / 8 and found.cycles == 4


@pytest.mark.parametrize(
    "text, says",
    [
        (WAVES.replace("held", "gone"), "has 0 of 2 flip-flops of the build"),
        ("PK\x03", "cannot be read as VCD .it has no end of definitions"),
        (HEAD, "shorter than a cycle"),
        (f"{HEAD}#1\nb1\n", "cannot be read as VCD"),
    ],
)
def test_waves_that_are_none_or_of_another_machine(tmp_path, flat, text, says):
    (tmp_path / "w.vcd").write_text(text)
    registers = [cell.pins["Q"] for cell in flat.cells if "Q" in cell.pins]
    with pytest.raises(SynthesisError, match=says):
        read_activities(tmp_path / "w.vcd", flat, registers)
