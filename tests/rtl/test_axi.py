import pytest
from amaranth.back import verilog
from amaranth.lib.wiring import Out

from tcugen.arch import Architecture
from tcugen.rtl.axi import ReadSignature, WriteSignature
from tcugen.rtl.load import Load
from tcugen.rtl.reader import Reader
from tcugen.rtl.store import Store
from tcugen.rtl.writer import Writer

CHANNELS = {
    "ar": "id addr len size burst prot cache valid ready",
    "r": "id data resp last valid ready",
    "aw": "id addr len size burst prot cache valid ready",
    "w": "data strb last valid ready",
    "b": "id resp valid ready",
}
DRIVEN_BY_MEMORY = {
    "arready",
    "rid",
    "rdata",
    "rresp",
    "rlast",
    "rvalid",
    "awready",
    "wready",
    "bid",
    "bresp",
    "bvalid",
}


def test_members_are_the_standards_signals():
    members = dict(ReadSignature(Architecture()).members) | dict(WriteSignature(Architecture()).members)
    assert set(members) == {channel + name for channel, names in CHANNELS.items() for name in names.split()}
    assert {name for name, member in members.items() if member.flow is not Out} == DRIVEN_BY_MEMORY


@pytest.mark.parametrize("bus_bytes, size", [(4, 2), (8, 3), (16, 4), (32, 5), (64, 6)])
def test_constants(bus_bytes, size):
    architecture = Architecture(bus_bytes=bus_bytes, bus_address_bits=48)
    for prefix, signature in (("ar", ReadSignature(architecture)), ("aw", WriteSignature(architecture))):
        port = signature.create()
        names = ("size", "burst", "prot", "cache")
        assert [getattr(port, prefix + name).init for name in names] == [size, 1, 0, 3]
        assert len(getattr(port, prefix + "addr")) == 48


@pytest.mark.parametrize("rows, bus_bytes", [(4, 4), (16, 8), (4, 64), (32, 4)])
def test_the_memory_side_converts_to_verilog(rows, bus_bytes, monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    architecture = Architecture(rows=rows, columns=32, bus_bytes=bus_bytes, output_lanes=1)
    for component in (Reader(architecture, 3), Writer(architecture), Load(architecture), Store(architecture)):
        name = f"tcu_{type(component).__name__.lower()}"
        text = verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)
        assert f"module {name}(" in text
        assert "[-1:0]" not in text, "a vector of width 0"
        assert "negedge" not in text and "posedge rst" not in text, "an asynchronous reset"
