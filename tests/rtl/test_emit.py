import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tcugen import __version__
from tcugen.arch import Architecture
from tcugen.rtl.emit import emit, verilog
from tcugen.rtl.fifo import SMALL_DEPTH

ROOT = Path(__file__).parents[2]
SMALL = Architecture(rows=4, columns=4, activation_kib=16, output_lanes=1, weight_tiles=64, parameter_groups=8)

TOP_PORTS = """
input 1 aclk, input 1 aresetn,
input 10 s_axil_awaddr, input 3 s_axil_awprot, input 1 s_axil_awvalid, output 1 s_axil_awready,
input 32 s_axil_wdata, input 4 s_axil_wstrb, input 1 s_axil_wvalid, output 1 s_axil_wready,
output 2 s_axil_bresp, output 1 s_axil_bvalid, input 1 s_axil_bready,
input 10 s_axil_araddr, input 3 s_axil_arprot, input 1 s_axil_arvalid, output 1 s_axil_arready,
output 32 s_axil_rdata, output 2 s_axil_rresp, output 1 s_axil_rvalid, input 1 s_axil_rready,
output 1 m_axi_arid,
output 40 m_axi_araddr, output 8 m_axi_arlen, output 3 m_axi_arsize, output 2 m_axi_arburst, output 3 m_axi_arprot,
output 4 m_axi_arcache, output 1 m_axi_arvalid, input 1 m_axi_arready,
input 1 m_axi_rid,
input 64 m_axi_rdata, input 2 m_axi_rresp, input 1 m_axi_rlast, input 1 m_axi_rvalid, output 1 m_axi_rready,
output 1 m_axi_awid,
output 40 m_axi_awaddr, output 8 m_axi_awlen, output 3 m_axi_awsize, output 2 m_axi_awburst, output 3 m_axi_awprot,
output 4 m_axi_awcache, output 1 m_axi_awvalid, input 1 m_axi_awready,
output 64 m_axi_wdata, output 8 m_axi_wstrb, output 1 m_axi_wlast, output 1 m_axi_wvalid, input 1 m_axi_wready,
input 1 m_axi_bid, input 2 m_axi_bresp, input 1 m_axi_bvalid, output 1 m_axi_bready,
output 1 irq,
output 1 trace_drain_valid, output 12 trace_drain_layer, output 24 trace_drain_address, output 8 trace_drain_data,
output 1 trace_pool_valid, output 12 trace_pool_layer, output 24 trace_pool_address, output 32 trace_pool_data,
output 12 trace_layer
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("emitted")
    paths = emit(SMALL, directory)
    assert sorted(paths) == sorted(directory.iterdir())
    return directory


@pytest.fixture(scope="module")
def text(directory) -> str:
    return (directory / "tcu_top.v").read_text()


def module_texts(text: str) -> dict[str, str]:
    return {
        match[1]: match[0] for match in re.finditer(r"^module (\w+) .*?^endmodule$", text, re.MULTILINE | re.DOTALL)
    }


def ports(module: str) -> list[tuple[str, int, str]]:
    """Direction, width and name of each port in a module's text."""
    header = module[module.index("(\n") : module.index("\n);")]
    found = re.findall(r"^    (input|output) +(?:wire|reg) +(?:\[(\d+):0\])? *([^\s,]+)", header, re.MULTILINE)
    return [(direction, int(msb or 0) + 1, name) for direction, msb, name in found]


def test_the_top_has_the_documented_ports_in_order(text):
    documented = [tuple(port.split()) for port in TOP_PORTS.split(",")]
    written = ports(module_texts(text)["tcu_top"])
    assert [(direction, str(width), name) for direction, width, name in written] == documented


def test_every_port_has_a_plain_name_and_stands_on_its_own_line(text):
    modules = module_texts(text)
    for name, module in modules.items():
        lines = module[module.index("(\n") : module.index("\n);")].splitlines()[1:]
        assert len(lines) == len(ports(module)), name
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", port) for _, _, port in ports(module)), name


def test_clock_and_reset_come_first_below_the_top(text):
    modules = module_texts(text)
    del modules["tcu_top"]
    for name, module in modules.items():
        names = [port for _, _, port in ports(module)]
        clocking = [port for port in names if port in ("clk", "rst")]
        assert clocking == names[: len(clocking)] and clocking in ([], ["clk"], ["clk", "rst"]), name
    assert [port for _, _, port in ports(modules["tcu_pass_walker"])][:3] == ["clk", "rst", "instruction_payload"]
    assert [port for _, _, port in ports(modules["tcu_array"])][:2] == ["clk", "operand"]


def test_modules_are_named_by_their_role_and_explained(text):
    modules = module_texts(text)
    assert {"tcu_top", "tcu_core", "tcu_array", "tcu_activation_memory", "tcu_ring_weight_ring"} <= set(modules)
    for name in modules:
        assert re.fullmatch(r"tcu_[a-z0-9_]+", name)
        assert re.search(rf"^// .*\nmodule {name} \($", text, re.MULTILINE), f"{name} has no comment above it"
    assert list(modules)[-1] == "tcu_top"


def test_equal_modules_are_one(text):
    bodies = [module.partition("\n")[2] for module in module_texts(text).values()]
    assert len(set(bodies)) == len(bodies)


def test_every_module_is_used_and_every_instance_connects_all_ports_by_name(text):
    modules = module_texts(text)
    instance = re.compile(r"^    (tcu_\w+) (?:#\([^;]*?\) )?u_\w+ \(\n(.*?)\n    \);$", re.MULTILINE | re.DOTALL)
    used = set()
    for module in modules.values():
        for kind, connections in instance.findall(module):
            used.add(kind)
            connected = re.findall(r"(?:^ {8}|, )\.(\w+)\(", connections, re.MULTILINE)
            if kind in modules:
                assert connected == [name for _, _, name in ports(modules[kind])]
    assert used == set(modules) - {"tcu_top"} | {"tcu_sram_1r1w"}


def test_larger_memories_are_instances(text):
    arrays = re.findall(r"reg \[\d+:0\] \w+ \[0:(\d+)\];", text)
    assert arrays and all(int(last) + 1 < SMALL_DEPTH for last in arrays)
    depths = [int(depth) for depth in re.findall(r"\.DEPTH\((\d+)\)", text)]
    assert depths.count(SMALL.activation_bank_words) >= 4
    assert depths.count(SMALL.accumulator_depth) >= 2 * SMALL.columns


def test_no_names_of_the_tools_are_left(text):
    assert "\\" not in text and "$auto" not in text and "generator" not in text
    assert set(re.findall(r"\$\w*", text)) == {"$signed"}
    assert not re.search(r"\bsignal_\d*\b", text), "a signal without a name; assign one signal per statement"
    text.encode("ascii")


def test_the_header_names_the_architecture(text):
    header = text[: text.index("`default_nettype")]
    assert f"0x{SMALL.fingerprint:08x}" in header
    for name, value in SMALL.to_dict().items():
        assert re.search(rf"^// +{name} +{value}$", header, re.MULTILINE)


def unnamed_parts(text: str) -> list[str]:
    """Lines that read bits of an instruction, of half of one, or of a word that a gate holds, and neither name them,
    nor shift them on, nor take the whole to pieces word by word."""
    found = []
    part = r"\w+\[[\d:]+\]"
    named = re.compile(rf" *(?:wire (?:\[\d+:0\] )?\w+|assign \w+) = (?:{part}|{{{part}, {part}}});")
    word_by_word = re.compile(r" *wire \[63:0\] \w+ = \w+\[\w+ \* 64 \+: 64\];")
    for name, module in module_texts(text).items():
        widths = r"[2345]\d\d" if name.startswith("tcu_fetch") else "511"  # fetch has halves
        lists = re.findall(rf"\[(?:{widths}):0\] +(\w+(?:,\s+\w+)*)[;,\n]", module)
        names = [name for names in lists for name in re.split(r",\s+", names)]
        if name.startswith("tcu_instruction_gate"):
            names.append(r"word_\d")
        if not names:
            continue
        words = "|".join(names)
        shifted = re.compile(rf".* ({words}) <= {{\w+, \1\[[\d:]+\]}};")
        reads = [line for line in module.splitlines() if re.search(rf"\b(?:{words})\[", line)]
        right = (named, shifted, word_by_word)
        found += [line for line in reads if not any(pattern.fullmatch(line) for pattern in right)]
    return found


@pytest.mark.parametrize("size, lanes", [(8, 1), (16, 4)])
def test_larger_machines_read_instructions_by_the_names_of_their_fields_too(size, lanes):
    larger = verilog(Architecture(rows=size, columns=size, output_lanes=lanes, activation_kib=1280))["tcu_top.v"]
    assert unnamed_parts(larger) == []
    assert larger.count("\n") < 11_000


def test_instructions_are_read_by_the_names_of_their_fields(text):
    assert unnamed_parts(text) == []
    assert unnamed_parts(text.replace(">= o_payload_wait_load", ">= word_0[36:17]"))


def test_emit_writes_all_files(directory):
    names = {path.name for path in directory.iterdir()}
    assert names == {"tcu_top.v", "tcu_sram_1r1w.v", "tcu.f", "tcu_lint.vlt", "architecture.json"}
    assert Architecture.from_dict(json.loads((directory / "architecture.json").read_text())) == SMALL
    assert "module tcu_sram_1r1w" in (directory / "tcu_sram_1r1w.v").read_text()


def test_the_header_says_what_wrote_it_and_under_which_licence(directory):
    for name in ("tcu_top.v", "tcu_sram_1r1w.v"):
        header = (directory / name).read_text().partition("`default_nettype none\n")[0]
        assert f"// Generated by tcugen {__version__} from" in header
        assert "// SPDX-License-Identifier: MIT-0\n" in header


def test_undeclared_names_are_errors_and_only_here(directory):
    for name in (directory / "tcu.f").read_text().split():
        text = (directory / name).read_text()
        assert text.count("`default_nettype none\n") == 1
        assert text.endswith("\n`default_nettype wire\n")


def test_the_file_list_holds_all_verilog(directory):
    assert (directory / "tcu.f").read_text() == "tcu_sram_1r1w.v\ntcu_top.v\n"


def test_the_directory_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent does not exist"):
        emit(SMALL, tmp_path / "absent")


def test_another_process_writes_the_same_bytes(text):
    program = (
        "import json, sys; from tcugen.arch import Architecture; from tcugen.rtl.emit import verilog;"
        "sys.stdout.write(verilog(Architecture.from_dict(json.loads(sys.argv[1])))['tcu_top.v'])"
    )
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    output = subprocess.run(
        [sys.executable, "-c", program, json.dumps(SMALL.to_dict())],
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert output.stdout == text
