"""Bits of every memory flipped in the emitted Verilog of a machine with parity: what is used of them is found."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sim.faults import BUILD
from sim.upsets.__main__ import SLACK_CYCLES, WATCHDOG_CYCLES
from sim.upsets.simulator import Outcome, Upset, UpsetRuns, simulate_upsets
from sim.upsets.state import Variable
from sim.upsets.table import drawn, fate
from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.program import Program, Tensor
from tcugen.registers import ErrorCode, ProtectedMemory
from tcugen.rtl.emit import emit
from tcugen.synthetic.integers import synthesise
from tests.compiler.table_networks import TABLES

pytestmark = pytest.mark.verify

ARCHITECTURE = replace(
    Architecture.from_dict(json.loads((BUILD / "architecture.json").read_text())), tables=1, parity=1
)
DRAWN = 40
"""Upsets of every memory, at random."""

_LOADING = range(150, 900)
"""Cycles in which the first beats of a LOAD pass through its queue."""

_OF_UNIT = {
    "activation": ProtectedMemory.ACTIVATION,
    "compute": ProtectedMemory.ACCUMULATORS,
    "dispatch": ProtectedMemory.INSTRUCTIONS,
    "fetch": ProtectedMemory.PROGRAM,
    "parameter ring": ProtectedMemory.PARAMETER_RING,
    "weight ring": ProtectedMemory.WEIGHT_RING,
}


def number(variable: Variable) -> ProtectedMemory:
    """What the machine calls this memory."""
    scope = variable.scope
    if "u_table" in scope:
        return ProtectedMemory.TABLES
    if scope.endswith(("u_load.u_beats", "u_load.u_beats.u_storage")):
        return ProtectedMemory.LOAD
    if scope.endswith(("u_writer.u_beats", "u_writer.u_beats.u_storage")):
        return ProtectedMemory.STORE
    if scope.endswith(("u_store.u_words", "u_pool.u_words", "u_residual_reader")):
        return ProtectedMemory.ACTIVATION
    return _OF_UNIT.get(variable.unit, ProtectedMemory.QUEUES)


@pytest.fixture(scope="module")
def program_and_image() -> tuple[Program, dict[str, Tensor]]:
    model, inputs = synthesise(TABLES["alone"], 1, 1)
    return compile_network(model, ARCHITECTURE), {name: tensor[0] for name, tensor in inputs.items()}


def test_what_flips_in_a_memory_is_found_and_named(program_and_image, tmp_path):
    program, image = program_and_image
    emit(ARCHITECTURE, tmp_path)

    def run(upsets: list[Upset], most_cycles: int) -> UpsetRuns:
        return simulate_upsets(program, tmp_path, image, upsets, most_cycles, WATCHDOG_CYCLES)

    first = run([], 10_000_000)
    state, cycles, rng = first.state, first.alone.cycles, np.random.default_rng(1)
    memories = [at for at, one in enumerate(state) if one.words and one.unit != "counters"]
    upsets = [upset for at in memories for upset in drawn(state, [at], cycles, DRAWN, rng)]
    # Beats are in these queues for so short that what is drawn at random seldom meets one.
    of_number = {number(state[at]): at for at in memories}
    upsets += [Upset(cycle, of_number[ProtectedMemory.LOAD], 0, 7) for cycle in _LOADING]
    upsets += [Upset(cycle, of_number[ProtectedMemory.STORE], 0, 7) for cycle in range(cycles - 600, cycles)]
    cases = run(upsets, 2 * cycles + SLACK_CYCLES).cases
    found: set[ProtectedMemory] = set()
    for upset, outcome in zip(upsets, cases, strict=True):
        assert fate(outcome) in ("masked", "detected"), (state[upset.variable], upset, outcome)
        if outcome.code == ErrorCode.MEMORY_PARITY:
            assert outcome.address == number(state[upset.variable]), (state[upset.variable], upset, outcome)
            found.add(ProtectedMemory(outcome.address))
    assert found == set(ProtectedMemory)


def test_a_machine_without_parity_runs_the_same_program_in_as_many_cycles(program_and_image, tmp_path):
    program, image = program_and_image
    alone: list[Outcome] = []
    for parity in (0, 1):
        (folder := tmp_path / str(parity)).mkdir()
        emit(replace(ARCHITECTURE, parity=parity), folder)
        alone.append(simulate_upsets(program, folder, image, [], 10_000_000, WATCHDOG_CYCLES).alone)
    assert alone[0] == alone[1]
