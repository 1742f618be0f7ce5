# amaranth: UnusedElaboratable=no
"""Every module of the reference machine is the circuit that Yosys itself would have written."""

import json
from pathlib import Path

import pytest

from tcugen.arch import Architecture
from tcugen.rtl import sram
from tcugen.rtl.top import Top
from tcugen.verilog.hierarchy import modules
from tests.verilog.proof import prove

REFERENCE = Path(__file__).parents[2] / "rtl_out" / "reference" / "architecture.json"


class Platform:
    sram_instances = True


@pytest.mark.verify
def test_every_module_is_what_yosys_writes(tmp_path):
    architecture = Architecture.from_dict(json.loads(REFERENCE.read_text()))
    parts = modules(Top(architecture), Platform(), {sram.VERILOG_MODULE: sram.VERILOG_PORTS})
    boxes = "".join(part.text for part in parts) + sram.VERILOG
    assert parts[-1].name == "tcu_top"
    for part in parts:
        prove(part, boxes, tmp_path)
