"""Bits of every memory flipped in the emitted Verilog of a machine with parity: what is used of them is found."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sim.faults import BUILD, FLIPPED_NETWORK, network
from sim.upsets.__main__ import SLACK_CYCLES, WATCHDOG_CYCLES
from sim.upsets.simulator import Upset, UpsetRuns, simulate_upsets
from sim.upsets.state import Variable
from sim.upsets.table import drawn, fate
from tcugen.arch import Architecture
from tcugen.registers import ErrorCode, ProtectedMemory
from tcugen.rtl.emit import emit

pytestmark = pytest.mark.verify

ARCHITECTURE = replace(Architecture.from_dict(json.loads((BUILD / "architecture.json").read_text())), parity=1)
DRAWN = 20
"""Upsets of every memory, at random."""

_LOADING = range(150, 600)
"""The first beat of the first LOAD passes through its queue in one of these cycles."""

_STORING = range(-300, 0, 2)
"""The second beat of the last STORE waits for the first in some of these cycles, counted from the end of the run."""

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
    if scope.endswith(("u_load.u_beats", "u_load.u_beats.u_storage")):
        return ProtectedMemory.LOAD
    if scope.endswith(("u_writer.u_beats", "u_writer.u_beats.u_storage")):
        return ProtectedMemory.STORE
    if scope.endswith(("u_store.u_words", "u_pool.u_words", "u_residual_reader")):
        return ProtectedMemory.ACTIVATION
    return _OF_UNIT.get(variable.unit, ProtectedMemory.QUEUES)


def test_what_flips_in_a_memory_is_found_and_named(tmp_path):
    program, image = network(FLIPPED_NETWORK, 1)  # of the machine without parity: both run it
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
    upsets += [Upset(cycles + cycle, of_number[ProtectedMemory.STORE], 1, 7) for cycle in _STORING]
    cases = run(upsets, 2 * cycles + SLACK_CYCLES).cases
    found: set[ProtectedMemory] = set()
    for upset, outcome in zip(upsets, cases, strict=True):
        assert fate(outcome) in ("masked", "detected"), (state[upset.variable], upset, outcome)
        if outcome.code == ErrorCode.MEMORY_PARITY:
            assert outcome.address == number(state[upset.variable]), (state[upset.variable], upset, outcome)
            found.add(ProtectedMemory(outcome.address))
    assert found == set(ProtectedMemory) - {ProtectedMemory.TABLES}, "this machine has no tables"
