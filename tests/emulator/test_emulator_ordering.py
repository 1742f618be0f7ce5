"""Races: an access that the counters do not order is refused, whichever order the run took."""

import numpy as np
import pytest

from tcugen.emulator import EmulationError, Machine
from tcugen.isa import Opcode, Window
from tests.emulator.handwritten import COMPUTE, DRAIN, Handwritten, small

POOL = {"base": 512, "row_step": 16, "out_base": 768, "out_row_step": 16, "n_groups": 1, "n_y": 3, "n_x": 4}
POOL |= {"n_ky": 1, "n_kx": 1, "stride_y": 1, "stride_x": 1, "height": 3, "width": 4}
LOAD = {"window": Window.INPUT, "segment_bytes": 256, "segments": 1}


def code_of(*instructions):
    code = Handwritten(small())
    code.random_stream(np.random.default_rng(0), 2, 1)
    for opcode, fields in instructions:
        code.add(opcode, **fields)
    return code


def run(code):
    return Machine(code.program()).run({"memory_in": np.ones((1, 1, 1024), np.int8)})


BASE = (Opcode.LOAD, LOAD), (Opcode.COMPUTE, COMPUTE | {"wait_load": 1}), (Opcode.DRAIN, DRAIN)


def refused(code, index, field, message):
    with pytest.raises(EmulationError, match=message) as caught:
        run(code)
    assert (caught.value.instruction, caught.value.field) == (index, field)


def test_ordered_program_passes():
    code = code_of(*BASE, (Opcode.POOL, POOL | {"wait_drain": 3}))
    code.store_all(wait_drain=6, wait_pool=1)
    assert run(code)["memory_out"][0, 0, 512:].any()


def test_compute_reads_what_is_still_being_loaded():
    refused(
        code_of(BASE[0], (Opcode.COMPUTE, COMPUTE), BASE[2]),
        2,
        "wait_load",
        r"reads a byte that work 1 of LOAD \(instruction 1\) writes, and nothing orders the two; raise wait_load to 1",
    )


def test_one_more_tile_would_have_been_needed():
    # The pool reads rows 0 .. 2 of column group 0, which are the first three of six tiles.
    code = code_of(*BASE, (Opcode.POOL, POOL | {"wait_drain": 2}))
    code.store_all(wait_drain=6, wait_pool=1)
    message = (
        "work 3 of DRAIN writes a byte that work 1 of POOL .instruction 4. reads, .* wait_drain of instruction 4 to 3"
    )
    refused(code, 3, "wait_pool", message)


def test_drain_over_an_operand_of_later_tiles():
    # Results of column group 0 overwrite rows that column group 1 still reads.
    refused(
        code_of(*BASE[:2], (Opcode.DRAIN, DRAIN | {"out_base": 0})),
        2,
        "wait_drain",
        "that work . of DRAIN .instruction 3. writes",
    )


def test_drain_over_the_operand_of_its_own_tiles():
    # With one column group each tile's operand is dead when the tile is drained.
    single = {"n_columns": 1}
    code = Handwritten(small())
    code.random_stream(np.random.default_rng(0), 1, 1)
    code.add(Opcode.LOAD, **LOAD)
    code.add(Opcode.COMPUTE, wait_load=1, **COMPUTE | single)
    code.add(Opcode.DRAIN, **DRAIN | single | {"out_base": 0})
    code.store_all(wait_drain=3)
    assert run(code)["memory_out"].any()


def test_load_over_bytes_that_compute_reads():
    second = LOAD | {"segment_bytes": 16, "activation": 32}
    refused(code_of(*BASE, (Opcode.LOAD, second)), 2, "wait_load", "a byte that work 2 of LOAD .instruction 4. writes")
    after_two_rows = code_of(*BASE, (Opcode.LOAD, second | {"wait_compute": 5}))
    refused(
        after_two_rows, 2, "wait_load", "work 6 of COMPUTE reads a byte that work 2 of LOAD .* wait_compute of .* to 6"
    )
    code = code_of(*BASE, (Opcode.LOAD, second | {"wait_compute": 6}))
    run(code)


def test_waiting_for_a_unit_implies_what_that_unit_waited_for():
    # The second LOAD waits for the drain of the last tile; so the tile was computed and its operand is dead.
    code = code_of(*BASE, (Opcode.LOAD, LOAD | {"wait_drain": 6}))
    code.store_all(wait_load=2)
    assert run(code)["memory_out"][0, 0, 512:].any()


def test_results_of_the_same_unit_need_a_wait_too():
    code = Handwritten(small())
    rng = np.random.default_rng(0)
    code.random_stream(rng, 2, 1)
    for opcode, fields in BASE:
        code.add(opcode, **fields)
    code.random_stream(rng, 2, 1)
    code.add(Opcode.COMPUTE, **COMPUTE | {"wait_load": 1})
    residual = {"residual": 1, "residual_base": 512, "residual_plane_step": 48, "out_base": 640, "add_shift": 20}
    residual |= {"residual_multiplier": 1 << 20, "add_clamp_low": -128, "add_clamp_high": 127}
    index = code.add(Opcode.DRAIN, **DRAIN | residual)
    refused(code, index, "wait_drain", "reads a byte that work . of DRAIN .instruction 3. writes")
    code.instructions.pop()
    code.add(Opcode.DRAIN, **DRAIN | residual | {"wait_drain": 6})
    code.store_all(wait_drain=12)
    assert run(code)["memory_out"][0, 0, 640:].any()


def test_window_races():
    store = {"window": Window.SCRATCH, "segment_bytes": 64, "segments": 1}
    code = code_of(
        *BASE,
        (Opcode.STORE, store | {"activation": 512, "wait_load": 1}),
        (Opcode.LOAD, LOAD | {"window": Window.SCRATCH}),
    )
    refused(code, 5, "wait_store", "work 2 of LOAD reads a byte that work 1 of STORE .instruction 4. writes")
