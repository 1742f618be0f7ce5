"""Signals of a file of waves, by time."""

import pytest

from tcugen.trace.vcd import VcdError, sampled

WAVES = """$version made by hand $end
$timescale 1ps $end
 $scope module TOP $end
  $var wire 1 # clk $end
  $scope module top $end
   $var wire 8 $ word [7:0] $end
   $var wire 4 % other [3:0] $end
  $upscope $end
 $upscope $end
$enddefinitions $end
#0
0#
b00000101 $
b0001 %
#1
1#
#2
0#
bxxxx0000 $
"""


def test_values_stay_until_they_change(tmp_path):
    (tmp_path / "w.vcd").write_text(WAVES)
    found = sampled(tmp_path / "w.vcd", ["TOP.clk", "TOP.top.word"])
    assert found == {
        0: {"TOP.clk": 0, "TOP.top.word": 5},
        1: {"TOP.clk": 1, "TOP.top.word": 5},
        2: {"TOP.clk": 0, "TOP.top.word": 0},
    }


def test_a_signal_that_is_not_there_is_named(tmp_path):
    (tmp_path / "w.vcd").write_text(WAVES)
    with pytest.raises(VcdError, match=r"no signal 'TOP\.top\.missing'"):
        sampled(tmp_path / "w.vcd", ["TOP.clk", "TOP.top.missing"])
