"""The generated pages say what the tables say today."""

from pathlib import Path

import pytest

from tests.modules import module_at

DOCS = Path(__file__).parents[1] / "docs"

generate = module_at(DOCS / "generate.py")


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_is_up_to_date(name):
    assert (DOCS / name).read_text() == generate.PAGES[name](), "run `make docs`"


def test_every_opcode_field_and_register_has_a_line():
    instructions, registers = (DOCS / name for name in ("instruction-set.md", "registers.md"))
    lines = instructions.read_text().splitlines() + registers.read_text().splitlines()
    for opcode in generate.Opcode:
        assert f"## {opcode.name}" in lines
    fields = [name for opcode in generate.Opcode for name in generate.isa.layout(opcode)]
    names = [f"`{name}`" for name in (*fields, *(register.name for register in generate.REGISTERS))]
    assert [name for name in names if not any(f"| {name} |" in line for line in lines)] == []
