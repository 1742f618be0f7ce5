"""Imports run down one table and nowhere else, so that golden model, emulator and RTL cannot share a mistake."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "tcugen"

ALLOWED = {
    "arch": "",
    "installed": "",
    "processes": "",
    "isa": "",
    "registers": "isa",
    "memory_model": "",
    "program_format": "arch isa",
    "program": "arch isa program_format numpy",
    "access": "arch isa numpy",
    "network": "pydantic",
    "model": "network numpy",
    "golden": "network model numpy torch",
    "synthetic": "network model golden numpy torch",
    "driver": "network model arch isa registers program numpy",
    "onnx": "network model numpy onnx onnxruntime google",
    "tflite": "network model onnx numpy ai_edge_litert",
    "partition": "network model onnx numpy pydantic",
    "quantize": "network model golden onnx numpy torch safetensors",
    "mapping": "network arch program numpy",
    "schedule": "mapping arch isa program program_format numpy",
    "planning": "mapping schedule timing network arch memory_model",
    "sizing": "planning mapping network arch",
    "verilog": "amaranth",
    "rtl": "arch installed isa registers program_format verilog amaranth",
    "compiler": "access planning mapping schedule network model arch isa program program_format numpy",
    "emulator": "arch isa program program_format numpy",
    "timing": "arch isa registers memory_model program_format",
    "simulator": "arch isa registers memory_model program numpy",
    "trace": "access arch isa program timeline numpy",
    "certify": "network model arch isa program_format numpy",
    "verify": "network model golden onnx emulator simulator trace arch isa registers program timeline numpy",
    "evaluate": "network model onnx tflite emulator arch program numpy",
    "fpga": "arch installed isa registers numpy pydantic",
    "cells": "fpga trace",
    "export": "driver emulator rtl simulator arch isa registers program numpy systemrdl peakrdl_ipxact peakrdl_html "
    "peakrdl_cheader litex migen cocotb cocotb_tools cocotbext",
    "report": "rich",
    "timeline": "isa",
    "page": "report jinja2 markupsafe",
    "console": "* numpy rich typer",
    "commands": "* numpy rich typer distributed",
    "api": "* numpy rich pandas",
    "cli": "cli_check cli_export cli_fpga cli_models cli_networks cli_rebuild cli_sweep commands console typer",
    "cli_check": "commands console typer",
    "cli_export": "commands console typer",
    "cli_models": "commands console typer",
    "cli_rebuild": "commands console typer",
    "cli_sweep": "commands console typer",
    "cli_fpga": "commands console typer",
    "cli_networks": "commands console rich typer",
    "__main__": "cli",
}
"""What each part of the package may import besides itself and the standard library; `*` is every part of tcugen."""


def imported(path: Path) -> set[str]:
    """Names a file imports: top-level packages of others, parts of tcugen."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: line {node.lineno}: relative import; write tcugen.PART"
            names |= {f"tcugen.{a.name}" for a in node.names} if node.module == "tcugen" else {node.module}
    # An absolute import of `onnx` is the library, `tcugen.onnx` the package beside it.
    return {name.split(".")[1] if name.startswith("tcugen.") else name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_table(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own == "__init__":
        # The front door reads `api` at the first name that is asked for, see tests/test_api.py.
        assert imported(path) <= ({"api", "typing"} if path.parent == ROOT else set())
        return
    allowed = set(ALLOWED[own].split())
    parts = set(ALLOWED) if "*" in allowed else set()
    foreign = imported(path) - {own, "__version__"} - set(sys.stdlib_module_names) - allowed - parts
    assert not foreign, f"{path.name}: {own} may import {sorted(allowed)} only, not {sorted(foreign)}"


def test_the_table_has_a_line_for_every_part():
    parts = {path.name.removesuffix(".py") for path in ROOT.iterdir() if path.suffix in ("", ".py")}
    assert parts - {"__init__", "__pycache__"} <= set(ALLOWED)
