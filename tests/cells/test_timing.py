"""What OpenSTA reports of a path."""

import pytest

from tcugen.cells.timing import Report, read_report
from tcugen.fpga.errors import SynthesisError

TEXT = """
Startpoint: c12 (rising edge-triggered flip-flop clocked by clock)
Endpoint: n7 (output port clocked by clock)
Path Group: clock
Path Type: max

Fanout     Delay      Time   Description
------------------------------------------------------------------
         0.0000    0.0000   clock clock (rise edge)
         0.0000    0.0000 ^ c12/CLK (DFFPOSX1)
         0.1636    0.1636 v c12/Q (DFFPOSX1)
    1                       n1 (net)
         0.0583    0.2219 ^ c2/Y (NAND2X1)
   12                       n7 (net)
         0.0000    0.2219 ^ n7 (out)
                   0.2219   data arrival time
------------------------------------------------------------------
                  -0.4100   slack (VIOLATED)

"""


def test_ends_nets_and_slack():
    assert read_report(TEXT) == Report("c12", "n7", ("n1", "n7"), -0.41)


def test_no_path():
    with pytest.raises(SynthesisError, match="no path from register to register"):
        read_report("No paths found.\ndone\n")
