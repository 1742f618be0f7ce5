"""One real synthesis: what Yosys counts of a small machine, beside what was estimated."""

from dataclasses import replace

import pytest

from tcugen.fpga.calibration import MACHINES, measurements
from tcugen.fpga.estimate import estimate
from tcugen.fpga.synthesis import synthesise
from tcugen.rtl.emit import emit
from tests.typed import present

MACHINE = replace(MACHINES[0], activation_kib=32, output_lanes=2, weight_tiles=128)


@pytest.mark.slow
def test_estimate_and_synthesis_agree(tmp_path):
    assert MACHINE not in [one.architecture for one in measurements("ecp5")]
    (tmp_path / "build").mkdir()
    emit(MACHINE, tmp_path / "build")
    seen, said = [], []
    netlist = synthesise(tmp_path / "build", "ecp5", tmp_path / "cache", 3000, seen.append, said.append)
    guess = present(estimate(MACHINE, "ecp5"))
    assert (netlist.counts.dsp, netlist.counts.bram) == (guess.dsp, guess.bram)
    assert abs(guess.lut / netlist.counts.lut - 1) < 0.10
    assert abs(guess.ff / netlist.counts.ff - 1) < 0.10
    assert seen and "synth_ecp5" in said[0]
    assert netlist.path.exists() and netlist.path.with_name("yosys.log").exists()
