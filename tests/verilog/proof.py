"""Proof by Yosys that a module's text is the same circuit as what Yosys itself writes from Amaranth's RTLIL.

Both are read back. Where a name of the text stands for nets of the netlist, the other side has a wire of that name, so
that the proof goes from name to name; by induction, registers start anywhere.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
from amaranth.back.verilog import _convert_rtlil_text  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
from amaranth.hdl._ast import SignalDict
from amaranth.hdl._nir import Instance, ModuleNetFlow, Net, Value

from tcugen.verilog.hierarchy import VerilogModule


def prove(part: VerilogModule, boxes: str, directory: Path) -> None:
    """Prove that `part.text` is right.

    Args:
        boxes: Verilog of all modules that it may instantiate; only their ports are looked at.
    """
    yosys = shutil.which("yosys")
    assert yosys, "no yosys found; install it (Debian: apt install yosys)"
    gold = directory / f"{part.name}.gold.v"
    gate = directory / f"{part.name}.gate.v"
    box = directory / "boxes.v"
    gold.write_text(yosys_text(part))
    gate.write_text(with_all_ports(part.text, boxes).replace(f"module {part.name} ", "module gate ", 1))
    box.write_text(boxes)
    script = f"""
        read_verilog {gold}
        read_verilog {gate}
        read_verilog -lib {box}
        proc gold gate
        memory_map gold gate
        opt_clean gold gate
        equiv_make gold gate proof
        hierarchy -top proof
        opt_expr -undriven
        opt_merge
        equiv_struct
        equiv_simple -seq 1
        equiv_induct -seq 2
        equiv_status -assert
    """
    done = subprocess.run([yosys, "-q", "-p", script], cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{part.name}: {done.stdout[-3000:]}{done.stderr[-3000:]}", pytrace=False)


def with_all_ports(text: str, boxes: str) -> str:
    """`text` with a wire at every port of an instance that is open: both sides of the proof have to have one."""
    widths = {
        (module[1], port[2]): int(port[1] or 0) + 1
        for module in re.finditer(r"^module (\w+) .*?^endmodule$", boxes, re.MULTILINE | re.DOTALL)
        for port in re.finditer(r"^    output +(?:wire|reg) +(?:\[(\d+):0\])? *(\w+),?$", module[0], re.MULTILINE)
    }
    wires: list[str] = []

    def connected(instance: re.Match[str]) -> str:
        module, name = instance[1], instance[2]

        def wire(port: re.Match[str]) -> str:
            wires.append(f"    wire [{widths[module, port[1]] - 1}:0] {name}_{port[1]}_open;\n")
            return f".{port[1]}({name}_{port[1]}_open)"

        return re.sub(r"\.(\w+)\(\)", wire, instance[0])

    text = re.sub(
        r"^    (tcu_\w+) (?:#\([^;]*?\) )?(u_\w+) \(\n.*?\);$", connected, text, flags=re.MULTILINE | re.DOTALL
    )
    return text.replace(");\n", ");\n" + "".join(wires), 1)


def yosys_text(part: VerilogModule) -> str:
    """What Yosys writes for `part`, as module `gold`."""
    netlist = part.source
    (module,) = netlist.modules
    module.signal_names = SignalDict()  # pyright: ignore[reportAttributeAccessIssue]  # the stub has what is read
    netlist.signal_fields = SignalDict()  # pyright: ignore[reportAttributeAccessIssue]  # the stub has what is read
    for cell in netlist.cells:
        if isinstance(cell, Instance) and cell.type in part.children:
            cell.type = part.children[cell.type]
    builder = rtlil.Design(emit_src=False)
    names = {Value(map(Net, value)): name for name, value in part.wires.items()}
    _NamedModule(names, builder.module("gold"), netlist, module, SignalDict(), rtlil.EmptyModuleChecker(netlist)).emit()
    text = _convert_rtlil_text(str(builder), strip_internal_attrs=True)
    return re.sub(r"\(\* full_case = 32'd1 \*\)\s*(?=end\b)", "", text)  # before nothing at all it is no Verilog


class _NamedModule(rtlil.ModuleEmitter):
    """Amaranth's writer of RTLIL, with other names for wires."""

    def __init__(self, names: dict[Value, str], *arguments):
        super().__init__(*arguments)
        self._names = names

    def assign_value_names(self):
        for name, (value, flow) in self.module.ports.items():
            if flow is ModuleNetFlow.Output:
                self.value_names.setdefault(value, name)
        for value, name in self._names.items():
            self.value_names.setdefault(value, name)

    def emit_signal_wires(self):
        for value, name in self._names.items():
            wire = self.builder.wire(len(value), name=name, attrs=self.value_attrs.get(value, {}))
            self.sigport_wires[name] = (wire, value)
