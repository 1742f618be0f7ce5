"""Tables in programs: where they run, how they are loaded, and machines without them."""

from dataclasses import replace

import pytest

from tcugen.arch import Architecture, ArchitectureError
from tcugen.compiler import compile_network
from tcugen.isa import Opcode
from tcugen.mapping.errors import CompileError
from tcugen.mapping.tasks import tasks_of
from tcugen.sizing.search import size
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS, run_against_golden
from tests.compiler.table_networks import TABLES
from tests.machines import ODD, machine


@pytest.mark.parametrize("array", ODD)
@pytest.mark.parametrize("name", TABLES)
def test_emulator_equals_golden(name, array):
    program = run_against_golden(TABLES[name], replace(machine(array), tables=1))
    loads = [i["layer"] for i in program.instructions if i.opcode == Opcode.DRAIN and i["load_table"]]
    tasks = tasks_of(TABLES[name])
    assert loads == [number for number, task in enumerate(tasks) if getattr(task, "table", False)]


def test_a_table_is_fused_where_its_operand_is_rounded_for_it_alone():
    chains = {name: [task.nodes for task in tasks_of(net)] for name, net in TABLES.items()}
    assert chains["behind_convolutions"] == [("a", "b"), ("c", "d"), ("v",), ("f", "g")]
    assert chains["behind_adds"] == [("a", "b"), ("c", "s", "t"), ("u", "w"), ("r", "x")]
    # Tables of an input, a maximum, another table and an output stand alone.
    assert chains["alone"] == [("a",), ("p",), ("b",), ("c",), ("d",), ("e",), ("f",)]


def test_a_machine_without_tables_refuses_by_name():
    model, _ = synthesise(TABLES["alone"], seed=1)
    with pytest.raises(CompileError, match="node 'a': is a table, but the machine has none; build a machine for"):
        compile_network(model, machine("4x4"))


def test_only_networks_with_tables_are_given_the_hardware():
    fixed = {"rows": 4, "columns": 4, "activation_kib": 16}
    with_tables = size(TABLES["behind_convolutions"], fixed=fixed)
    assert with_tables.architecture.tables == 1
    assert with_tables.reasons["tables"] == "tables: 3 nodes need them, the first is b"
    without = size(NETWORKS["chain"], fixed=fixed)
    assert without.architecture.tables == 0 and "tables" not in without.reasons


def test_what_is_absent_is_left_out_of_files():
    plain = machine("4x4")
    assert "tables" not in plain.to_dict()
    assert Architecture.from_dict(plain.to_dict()) == plain
    equipped = replace(plain, tables=1)
    assert Architecture.from_dict(equipped.to_dict()) == equipped
    assert equipped.fingerprint != plain.fingerprint
    with pytest.raises(ArchitectureError, match="tables is 2, but it must be 0 or 1"):
        replace(plain, tables=2)
