"""Bits of the machine's state flipped in simulation: all state is known, any bit of it can be flipped, none is lost."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sim.faults import BUILD, FLIPPED_NETWORK, network
from sim.upsets.__main__ import SLACK_CYCLES, WATCHDOG_CYCLES, main
from sim.upsets.simulator import Outcome, Upset, simulate_upsets
from sim.upsets.state import Variable, control_file, registers
from sim.upsets.table import classes, drawn, fate, row, table
from tcugen.registers import ErrorCode
from tcugen.simulator.headers import STATUS_DONE, STATUS_ERROR

VERILOG = "".join(path.read_text() for path in sorted(BUILD.glob("*.v")))
RIGHT = Outcome(False, STATUS_DONE, ErrorCode.NONE, 0, 1000, True, True, "")
STOPPED = replace(RIGHT, status=STATUS_ERROR, code=ErrorCode.OPCODE, right=False)
STATE = (
    Variable("TOP.tcu_top.u_host", "watchdog", 32, 0),
    Variable("TOP.tcu_top.u_core.u_fetch", "known", 7, 0),
    Variable("TOP.tcu_top.u_core.u_fetch.u_buffer", "storage", 64, 16),
    Variable("TOP.tcu_top.u_core", "layer", 12, 0),
)


def test_all_that_a_clock_changes_is_state():
    found = registers(VERILOG)
    for module in re.finditer(r"^module (\w+)(.*?)^endmodule", VERILOG, re.MULTILINE | re.DOTALL):
        blocks = re.findall(
            r"always @\(posedge \w+\)(.*?)(?=^    (?:always|assign|wire|tcu_|\w+ #)|\Z)",
            module[2],
            re.MULTILINE | re.DOTALL,
        )
        changed = {
            name
            for block in blocks
            for name in re.findall(r"(?:^|\)|\belse\b|\bbegin\b|:)\s*(\w+)(?:\[[^;\n]*?\])?\s<=\s", block)
        }
        assert changed <= set(found.get(module[1], [])), module[1]
    assert {"words", "read_data"} == set(found["tcu_sram_1r1w"])
    assert len(found["tcu_host"]) > 20 and "interrupt_enable_2" in " ".join(found["tcu_host"])


def test_wires_are_not_state():
    text = (
        "module tcu_a (\n    input  wire clk,\n    output reg  [3:0] q,\n    output wire w\n);\n"
        "    reg [7:0] kept, made;\n    reg [1:0] memory [0:3];\n"
        "    always @* begin\n        made = kept <= 8'h3 ? kept : 8'h0;\n    end\n"
        "    always @(posedge clk) if (w) q <= made;\n"
        "    always @(posedge clk) begin\n        if (made[0]) kept[3:0] <= q;\n"
        "        memory[q[1:0]] <= made[1:0];\n    end\n"
        "endmodule\n"
    )
    assert registers(text) == {"tcu_a": ["q", "kept", "memory"]}
    assert control_file(text).splitlines()[1] == 'public_flat_rd -module "tcu_a" -var "q"'


def test_state_is_classed_by_unit():
    found = classes(STATE)
    assert found == {
        ("core", "registers"): [3], ("fetch", "memory"): [2], ("fetch", "registers"): [1], ("host", "registers"): [0],
    }  # fmt: skip


def test_any_bit_of_a_class_is_drawn_as_often_as_another():
    state = (*STATE, Variable("TOP.tcu_top.u_core.u_fetch", "position", 25, 0))
    upsets = drawn(state, [1, 4], 50, 6400, np.random.default_rng(1))
    assert all(0 <= one.cycle < 50 and one.word == 0 and one.bit < state[one.variable].bits for one in upsets)
    counts = Counter((one.variable, one.bit) for one in upsets)
    assert len(counts) == 32 and min(counts.values()) > 130
    words = drawn(state, [2], 50, 20_000, np.random.default_rng(2))
    assert {(one.word, one.bit) for one in words} == {(word, bit) for word in range(16) for bit in range(64)}


@pytest.mark.parametrize("outcome, name", [
    (RIGHT, "masked"),
    (replace(RIGHT, right=False), "wrong"),
    (STOPPED, "detected"),
    (replace(STOPPED, code=ErrorCode.CORE_HUNG), "hung"),
    (replace(STOPPED, code=ErrorCode.BUS_HUNG), "hung"),
    (replace(RIGHT, hung=True, status=0), "hung"),
    (replace(RIGHT, status=0), "detected"),
    (replace(RIGHT, stray="AXI: AR changed before ARREADY"), "stray"),
    (replace(RIGHT, untouched=False), "stray"),
])  # fmt: skip
def test_what_became_of_a_run(outcome, name):
    assert fate(outcome) == name


def test_the_table_weighs_classes_with_their_bits():
    rows = [
        row(("a", "registers"), 100, [RIGHT] * 3 + [STOPPED]),
        row(("b", "registers"), 300, [RIGHT, replace(RIGHT, right=False)]),
        row(("b", "memory"), 1000, [RIGHT]),
    ]
    assert rows[0].codes == {"OPCODE": 1}
    lines = table(rows)
    assert lines[2] == "| a | registers | 100 | 4 | 3 | 1 | 0 | 0 | 0 | OPCODE 1 |"
    assert lines[-2] == "| all, by bits | memory | 1,000 | 1 | 100.0% | 0.0% | 0.0% | 0.0% | 0.0% | |"
    # 100 * 3 / 4 + 300 / 2 of 400 are masked.
    assert lines[-1] == "| all, by bits | registers | 400 | 6 | 56.2% | 6.2% | 37.5% | 0.0% | 0.0% | |"


@pytest.mark.verify
def test_a_bit_is_flipped_where_it_is_said_to_be():
    program, image = network(FLIPPED_NETWORK, 1)
    first = simulate_upsets(program, BUILD, image, [], 10_000_000, WATCHDOG_CYCLES)
    numbers = {(one.scope.rpartition(".")[2], one.name): number for number, one in enumerate(first.state)}
    host = [numbers["u_host", name] for name in ("layer_select", "output_base_low", "watchdog")]
    upsets = [
        Upset(100, host[0], 0, 3),  # chooses a counter to be read
        Upset(100, host[1], 0, 20),  # a megabyte further on: where nothing may be written
        Upset(100, host[2], 0, 17),  # waits longer
        Upset(first.alone.cycles - 1, host[1], 0, 20),  # all is written
    ]
    limit = 2 * first.alone.cycles + SLACK_CYCLES
    cases = simulate_upsets(program, BUILD, image, upsets, limit, WATCHDOG_CYCLES).cases
    assert [fate(one) for one in cases] == ["masked", "stray", "masked", "masked"]
    assert all(one.cycles == first.alone.cycles for one in (cases[0], cases[2], cases[3]))
    units = {one.unit for one in first.state}
    assert {"host", "control", "fetch", "reader", "activation", "compute", "output", "pool"} <= units
    memory = sum(one.size for one in first.state if (one.unit, one.name) == ("activation", "words"))
    assert memory == 8 * program.architecture.activation_bytes


@pytest.mark.verify
def test_the_command_prints_a_table_and_writes_it(capsys, tmp_path):
    path = tmp_path / "table.json"
    assert main([str(BUILD), "--upsets", "6", "--only", "activation", "--json", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| activation | memory | 131,072 | 6 |")
    assert '"upsets": 6' in path.read_text()


@pytest.mark.parametrize("arguments, message", [
    (["nowhere"], "error: nowhere"),
    ([str(BUILD), "--upsets", "0"], "--upsets is 0, but must be at least 1"),
])  # fmt: skip
def test_bad_arguments_are_refused(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
