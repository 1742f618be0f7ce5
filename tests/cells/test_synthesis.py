"""A small machine through Yosys and OpenSTA: what is counted, what is timed; that the flat netlist is the machine."""

import json
from pathlib import Path

import pytest

from tcugen.cells.area import area_by_module
from tcugen.cells.cell_library import find_library, read_liberty
from tcugen.cells.flat import flatten
from tcugen.cells.structure import DESIGN, net_name, whole
from tcugen.cells.synthesis import synthesise
from tcugen.cells.timing import worst_path
from tcugen.fpga.synthesis import TOP
from tests.cells import small
from tests.typed import present

MEMORY = Path(__file__).parents[2] / "rtl_out" / "reference" / "tcu_sram_1r1w.v"
MODELS = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.v")
LOW = "1'b0"
LIBRARY = present(find_library("osu018"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    small.write(folder / "build", MEMORY)
    said = []
    mapped = synthesise(folder / "build", LIBRARY, folder / "cache", 300, lambda _: None, said.append)
    again = synthesise(folder / "build", LIBRARY, folder / "cache", 300, lambda _: None, said.append)
    assert again.path == mapped.path and len(said) == 1
    cells = read_liberty(LIBRARY)
    modules = json.loads(mapped.path.read_text())["modules"]
    return folder, modules, cells, flatten(modules, TOP, cells)


def test_flip_flops_and_bits_of_memory_are_those_of_the_verilog(machine):
    _, modules, cells, _ = machine
    areas = {area.module: area for area in area_by_module(modules, TOP, cells)}
    assert {name: area.flip_flops for name, area in areas.items()} == small.FLIP_FLOPS
    assert {name: area.memory_bits for name, area in areas.items()} == small.MEMORY_BITS
    assert areas["tcu_sum"].instances == 2
    assert all(area.area_um2 > 96 * area.flip_flops for area in areas.values() if area.module != TOP)


def test_observation_is_left_open(machine):
    _, modules, _, _ = machine
    assert not [name for name in modules[TOP]["ports"] if name.startswith("trace_")]


def test_area_of_modules_is_that_of_all_cells(machine):
    _, modules, cells, flat = machine
    whole_area = sum(cells.cells[cell.kind].area_um2 for cell in flat.cells)
    assert sum(area.area_um2 for area in area_by_module(modules, TOP, cells)) == whole_area


def test_the_worst_path_is_one_of_the_product(machine):
    folder, _, _, flat = machine
    timing = worst_path(flat, LIBRARY, folder, 300, lambda _: None)
    assert timing.path.start.split("[")[0] in ("a_held", "b_held", "sum.sum")
    assert timing.path.end.split("[")[0] in ("sum.sum", "sums.sum")
    assert timing.fmax_mhz == round(1000 / timing.path.ns, 2)
    # Beyond one flip-flop and its setup, below what 200 gates in a row take.
    assert 0.5 < timing.path.ns < 20


def test_the_flat_netlist_computes_what_the_verilog_does(machine):
    folder, _, _, flat = machine
    (folder / "flat.v").write_text(whole(flat))
    values = {"aresetn": "rstn", "en": "en"} | {f"{name}[{bit}]": f"{name}[{bit}]" for name in "ab" for bit in range(4)}
    wires = {f"{name}[{bit}]": f"{name}[{bit}]" for name in ("sum", "sums") for bit in range(10)}
    ports = [f".{net_name(flat.clock)}(clk)"]
    ports += [f".{net_name(net)}({values.get(name, LOW)})" for net, name in flat.inputs.items()]
    ports += [f".{net_name(net)}({wires.get(name, '')})" for net, name in flat.outputs.items()]
    gates = small.simulated(folder, f"{DESIGN} machine ({', '.join(ports)});", folder / "flat.v", MODELS)
    verilog = small.simulated(
        folder,
        "tcu_top tcu_top (.aclk(clk), .aresetn(rstn), .en(en), .a(a), .b(b), .sum(sum), .sums(sums));",
        folder / "build" / "tcu_top.v",
        MEMORY,
    )
    assert len(verilog) == small.CYCLES - 4
    assert gates == verilog
