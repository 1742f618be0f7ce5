"""The mechanics on programs of a few instructions."""

from dataclasses import replace

import pytest

from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode
from tcugen.memory_model import MEMORY_MODELS, MemoryModel
from tcugen.registers import Stall
from tcugen.timing.prediction import Prediction
from tcugen.timing.replay import ReplayError, replay
from tests.timing.instructions import BEAT, END, convolution, load, make, store, weight

A = Architecture()
FIXED = MEMORY_MODELS["fixed"]


def run(*instructions: Instruction, memory: MemoryModel = FIXED, architecture: Architecture = A) -> Prediction:
    predicted = replay([*instructions, END], architecture, 2, memory)
    assert sum(layer.cycles for layer in predicted.layers) == predicted.cycles
    return predicted


def test_an_empty_program_waits_for_its_end():
    predicted = run()
    # 2 to the request, 5 to the address, the latency, 8 beats of the weights' header, 64 of a block, 5 to its verdict.
    assert FIXED.read_latency + 8 + 64 < predicted.cycles < FIXED.read_latency + 8 + 64 + 30
    assert predicted.stalls == {Stall.PROGRAM: predicted.cycles}
    assert (predicted.bytes_read, predicted.bytes_written) == (64 + 512, 0)


@pytest.mark.parametrize("instructions", [(), (load(8),)])
def test_a_program_without_its_end_is_refused(instructions):
    with pytest.raises(ReplayError, match="must be END"):
        replay(instructions, A, 1)


def test_a_load_moves_a_beat_per_cycle():
    short, long = run(load(256)), run(load(1280))
    assert long.cycles - short.cycles == 1024
    assert long.bytes_read - short.bytes_read == BEAT * 1024


def test_each_dependent_access_waits_for_the_memory_once():
    slow = replace(FIXED, read_latency=FIXED.read_latency + 60)
    assert run(load(8), memory=slow).cycles - run(load(8)).cycles == 2 * 60  # program, then data
    two = (load(8), load(8, wait_load=1))
    assert run(*two, memory=slow).cycles - run(*two).cycles == 3 * 60
    together = (load(8), load(8))
    assert run(*together, memory=slow).cycles - run(*together).cycles == 2 * 60


def test_a_store_ends_with_the_memorys_answer():
    slow = replace(FIXED, response_latency=FIXED.response_latency + 60)
    assert run(store(40), memory=slow).cycles - run(store(40)).cycles == 60
    assert run(store(40)).bytes_written == BEAT * 40


def test_reads_and_writes_share_the_beats():
    apart = max(run(load(4096)).cycles, run(store(4096)).cycles)
    both = run(load(4096), store(4096)).cycles
    assert both - apart > 0.9 * 4096


def test_short_bursts_run_out_of_reads_in_flight():
    few = replace(FIXED, reads_in_flight=2)
    assert run(load(2, segments=200, activation_step=16), memory=few).cycles > 200 * FIXED.read_latency / 2
    assert run(load(2, segments=200, activation_step=16)).cycles < 200 * FIXED.read_latency / 10


def test_the_weight_ring_bounds_how_far_weights_run_ahead():
    """With nobody to release tiles the stream stops; the program never ends."""
    fits = replace(A, weight_tiles=16)
    with pytest.raises(ReplayError, match="never ends"):
        run(weight(1, 17), load(8), load(8, wait_compute=1), architecture=fits)


def test_weights_set_the_pace_of_few_pixels():
    predicted = run(*convolution(columns=4, rows=1, width=1, tiles=64, block_rows=1))
    beats = 4 * (64 * A.tile_bytes + A.parameter_group_bytes) // A.bus_bytes
    assert beats < predicted.cycles < beats + 700
    assert predicted.busy == 4 * 64
    assert predicted.stalls[Stall.WEIGHTS] > 0.85 * beats


def test_many_pixels_keep_the_array_busy():
    predicted = run(*convolution(columns=4, rows=8, width=25, tiles=16, block_rows=8))
    assert predicted.busy == 4 * 8 * 25 * 16
    assert predicted.cycles - predicted.busy < 1400  # start, the first tile, the last drain


def test_a_tile_of_few_pixels_waits_for_its_rows():
    """A pass of fewer pixels than rows takes as many cycles as there are rows, however early its weights came."""
    stream, compute, drain = convolution(columns=1, rows=1, width=4, tiles=200, block_rows=1)
    compute = make(Opcode.COMPUTE, **{**compute.fields, "wait_load": 1})
    loads = (load(8192), load(8, wait_compute=1))  # all weights have come long before the first load
    predicted = run(loads[0], stream, compute, drain, loads[1])
    alone = run(*loads[:1], load(8, wait_load=1))
    assert predicted.busy == 4 * 200
    assert 200 * A.rows - 50 < predicted.cycles - alone.cycles - 200 * 32 < 200 * A.rows + 250


def test_the_output_path_limits_tiles_of_few_passes():
    predicted = run(*convolution(columns=16, rows=8, width=25, tiles=1, block_rows=8))
    drained = 16 * 8 * 25 * A.output_steps
    assert drained < predicted.cycles < drained + 700
    assert predicted.stalls[Stall.ACCUMULATORS] > 0.6 * drained


def test_a_stall_belongs_to_the_layer_and_unit_that_is_waited_for():
    _, compute, drain = convolution(columns=1, rows=4, width=4, tiles=1, block_rows=4)
    compute = make(Opcode.COMPUTE, **{**compute.fields, "layer": 1, "wait_load": 1})
    predicted = run(weight(1, 1, layer=1), load(3000), compute, drain)
    assert predicted.layers[0].busy == 0
    assert predicted.layers[1].busy == 16
    assert predicted.layers[1].stalls[Stall.LOAD] > 2800
    assert Stall.LOAD not in predicted.layers[0].stalls


def test_a_full_queue_stops_the_dispatch_of_all():
    """Nine loads fit (eight and one at the gate); the tenth holds back the store after it."""
    held = [load(8, wait_store=1) for _ in range(9)]
    assert run(*held, store(8)).bytes_written == 64
    with pytest.raises(ReplayError, match="LOAD 0"):
        run(*held, load(8), store(8))


def test_ddr_is_slower_by_about_a_tenth():
    fixed, ddr = run(load(8192)).cycles, run(load(8192), memory=MEMORY_MODELS["ddr"]).cycles
    assert 0.09 * 8192 < ddr - fixed < 0.11 * 8192


def test_the_same_program_gives_the_same_prediction():
    program = convolution(columns=4, rows=8, width=25, tiles=16, block_rows=8)
    assert run(*program) == run(*program)
