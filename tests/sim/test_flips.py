"""Programs and weights with flipped bits on the emitted Verilog: all are found out, and nothing hangs."""

from sim.fault_kinds import FaultRow
from sim.faults import flipped_bits, row
from tcugen.isa import Window
from tcugen.registers import ErrorCode
from tcugen.simulator.flips import Flip, FlippedRun
from tcugen.simulator.run import MachineError


def test_no_flipped_bits_go_unnoticed():
    found = flipped_bits(runs=400, seed=3)
    assert (found.injected, found.detected, found.undetected, found.wrong_afterwards) == (400, 400, 0, 0)
    assert set(found.codes) >= {"PROGRAM_CHECKSUM", "WEIGHTS_CHECKSUM", "FORMAT"}


def test_what_is_not_found_out_is_counted():
    def stopped(code: ErrorCode) -> FlippedRun:
        return FlippedRun(MachineError(code, 0), 10, {})

    done, flipped = FlippedRun(None, 10, {}), [Flip(Window.PROGRAM, 0, 0)]
    runs = [done, stopped(ErrorCode.CORE_HUNG), stopped(ErrorCode.FORMAT), stopped(ErrorCode.FORMAT)]
    found = row([flipped, flipped, flipped, []], runs, done)
    assert found == FaultRow(found.kind, 3, 1, 0, 1, 1, 0, 0, 1, {"CORE_HUNG": 1, "FORMAT": 1})
