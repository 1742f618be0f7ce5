"""What a Liberty text says, and what is said where it is missing."""

from dataclasses import replace

import pytest

from tcugen.cells.cell_library import LIBRARIES, Cell, find_library, read_liberty
from tcugen.fpga.errors import SynthesisError
from tests.typed import present

TEXT = """
library(small) {
  nom_voltage : 1.5;
  cell (INV) { area : 3; pin(A) { direction : input; capacitance : 0.25; timing() { related_pin : "B"; } }
    pin(Y) { direction : output; capacitance : 9; function : "(!A)"; } }
  cell ("DFF") {
    area : 12.5;
    ff (IQ,IQN) { next_state : "D"; clocked_on : "CLK"; }
    pin(CLK) { direction : input; capacitance : 0.5; clock : true; }
    pin(Q) { direction : output; function : "IQ"; }
  }
}
"""


def test_area_flip_flops_and_capacitances_of_inputs(tmp_path):
    (tmp_path / "small.lib").write_text(TEXT)
    found = read_liberty(replace(LIBRARIES[0], liberty=tmp_path / "small.lib"))
    assert found.volts == 1.5
    assert found.cells == {"INV": Cell(3, False, {"A": 0.25}), "DFF": Cell(12.5, True, {"CLK": 0.5})}


def test_osu018():
    """Areas as its LEF text has them: DFFPOSX1 is 9.6 by 10, NAND2X1 2.4 by 10."""
    cells = read_liberty(present(find_library("OSU018"))).cells
    assert (cells["DFFPOSX1"].area_um2, cells["NAND2X1"].area_um2) == (96, 24)
    assert [name for name, cell in cells.items() if cell.flip_flop] == ["DFFNEGX1", "DFFPOSX1", "DFFSR"]
    assert len(cells) == 32


def test_a_name_that_is_none():
    assert find_library("osu019") is None


@pytest.mark.parametrize(
    "content, says", [(None, r"No such file.*apt install qflow-tech-osu018"), ("", "no cells or no voltage")]
)
def test_a_library_that_is_not_there_or_empty(tmp_path, content, says):
    path = tmp_path / "none.lib"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SynthesisError, match=says):
        read_liberty(replace(LIBRARIES[0], liberty=path))
