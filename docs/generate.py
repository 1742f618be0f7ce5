"""Writes the reference pages from the tables that hardware, compiler and emulator read: run by `make docs`."""

import importlib.util
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from tcugen import isa, program_format, registers
from tcugen.isa import HEADER, OWN_BIT, OWN_FIELDS, SHARED_BIT, SHARED_FIELDS, Opcode, Placed, Unit, Window
from tcugen.program_format import Flaw
from tcugen.registers import REGISTERS, ErrorCode, ProtectedMemory, Register, Stall, WindowFlaw

FOLDER = Path(__file__).parent
GENERATED = "<!-- Written by `make docs` from {source}. Change it there. -->"

OPCODE_DOCS = {
    Opcode.END: "The end of the program: when all units have finished, the run is done.",
    Opcode.WEIGHT: "Reads parameters and weights into their rings, in the order of use.",
    Opcode.LOAD: "Copies from a window of the memory to the activation memory.",
    Opcode.STORE: "Copies from the activation memory to a window of the memory.",
    Opcode.COMPUTE: "Feeds the array: the whole loop nest of a convolution on one tile of work.",
    Opcode.DRAIN: "Takes finished sums through the output stage to the activation memory.",
    Opcode.POOL: "Takes maxima over windows from activation memory to activation memory, or convolves channels with a "
    "kernel each.",
}


def docstring(documented: object) -> str:
    """What `documented` says of itself, its indentation removed."""
    text = inspect.getdoc(documented)
    assert text, f"{documented} has no docstring"
    return text


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


def field_rows(placed: Sequence[Placed]) -> list[tuple[str, str, str, str]]:
    rows: list[tuple[str, str, str, str]] = []
    for place in placed:
        field = place.field
        last = place.offset + field.bits - 1
        bits = f"{place.offset}" if field.bits == 1 else f"{last}:{place.offset}"
        rows.append((bits, f"`{field.name}`", "signed" if field.signed else "", field.doc))
    return rows


def instruction_set() -> str:
    """The page on the instruction set."""
    lines = ["# Instruction set", "", GENERATED.format(source="tcugen/isa.py"), ""]
    text = docstring(isa)
    lines += [text.replace("`OWN_BIT`", str(OWN_BIT)).replace("`SHARED_BIT`", str(SHARED_BIT)), ""]
    lines += ["## Opcodes", ""]
    lines += table(
        ["value", "opcode", "what it does"],
        [(o.value, f"[{o.name}](#{o.name.lower()})", OPCODE_DOCS[o]) for o in Opcode],
    )
    lines += ["## Windows", "", docstring(Window), ""]
    written = {window: "yes" if window in isa.WRITABLE_WINDOWS else "" for window in Window}
    lines += table(["value", "window", "written by the machine"], [(w.value, w.name, written[w]) for w in Window])
    lines += ["## Units", "", docstring(Unit), ""]
    lines += table(["value", "unit"], [(unit.value, unit.name) for unit in Unit])
    lines += ["## Header", "", "The first fields of every instruction.", ""]
    places = list(isa.layout(Opcode.END).values())
    assert len(places) == len(HEADER)
    lines += table(["bits", "field", "", "meaning"], field_rows(places))
    for opcode in Opcode:
        lines += [f"## {opcode.name}", "", OPCODE_DOCS[opcode], ""]
        places = isa.layout(opcode)
        for part, fields in (("own part", OWN_FIELDS[opcode]), ("shared part", SHARED_FIELDS[opcode])):
            rows = field_rows([places[field.name] for field in fields])
            lines += table(["bits", part, "", "meaning"], rows) if rows else [f"No fields in the {part}.", ""]
    return "\n".join(lines)


def register_rows(part: Sequence[Register]) -> list[tuple[str, str, str, str]]:
    return [(f"0x{register.address:03x}", f"`{register.name}`", register.access, register.doc) for register in part]


def register_map() -> str:
    """The page on the registers."""
    lines = ["# Registers", "", GENERATED.format(source="tcugen/registers.py"), ""]
    lines += [docstring(registers), ""]
    lines += [
        f"Addresses are {registers.ADDRESS_BITS} bits wide. Access is `r` (read), `rw` (read and write) or `w` "
        "(a write acts, a read gives 0). Anything else is answered with SLVERR and has no effect: an address "
        "without a register, a write to an `r` register, a value that the register cannot hold, a write to a window or "
        "to WATCHDOG while the machine is busy, and a start while the machine or WINDOWS does not allow it.",
        "",
    ]
    lines += table(["address", "register", "access", "meaning"], register_rows(REGISTERS))
    lines += ["## Error codes", "", docstring(ErrorCode), ""]
    meanings = [(code, registers.ERROR_MEANINGS[code]) for code in ErrorCode]
    rows = [(code.value, code.name, meaning.doc, meaning.address) for code, meaning in meanings]
    lines += table(["value", "name", "what happened", "ERROR_ADDRESS"], rows)
    lines += ["## Memories with parity", "", docstring(ProtectedMemory), ""]
    lines += ["## Windows", "", docstring(WindowFlaw), ""]
    lines += table(["bit", "name"], [(flaw.value, flaw.name) for flaw in WindowFlaw])
    lines += ["## Stall reasons", "", docstring(Stall), ""]
    lines += table(["order", "name"], [(stall.value, stall.name) for stall in Stall])
    return "\n".join(lines)


def program_file() -> str:
    """The page on the form of program and weights."""
    lines = ["# Program and weights", "", GENERATED.format(source="tcugen/program_format.py"), ""]
    lines += [docstring(program_format), "", "## Why a file is refused", "", "By the error code of the machine.", ""]
    lines += table(["error", "what is wrong"], [(flaw.name, flaw.value) for flaw in Flaw])
    return "\n".join(lines)


def operators() -> str:
    """The page on operators."""
    # By its path, as this folder is no package.
    spec = importlib.util.spec_from_file_location("operator_page", FOLDER / "operator_page.py")
    assert spec and spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    source = "tcugen/network, tcugen/onnx/importer and tcugen/quantize"
    return "\n".join(["# Supported operators", "", GENERATED.format(source=source), "", *module.page(table)])


PAGES = {
    "instruction-set.md": instruction_set,
    "operators.md": operators,
    "program-file.md": program_file,
    "registers.md": register_map,
}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
