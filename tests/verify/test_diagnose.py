"""How runs end and what is made of it, with traces made by hand in place of a simulator."""

from pathlib import Path

import numpy as np
import pytest

from tcugen.emulator import EmulationError
from tcugen.isa import Opcode
from tcugen.registers import ErrorCode
from tcugen.simulator.run import MachineError, SimulationError, SimulationResult
from tcugen.trace.difference import Focus, Kind
from tcugen.verify import diagnose as module
from tcugen.verify.diagnose import cycle_limit, diagnose, record_waves
from tests.typed import present
from tests.verify.right_run import RightRun

IMAGES = 2
RTL = Path("rtl")


@pytest.fixture(scope="module")
def run() -> RightRun:
    return RightRun.of("chain", images=IMAGES)


@pytest.fixture
def simulator(run, monkeypatch):
    """Stands in for the simulator: leaves `images`, fails with `failure` if that is set."""

    class Simulator:
        def __init__(self):
            self.images = [run.image_run(i) for i in range(IMAGES)]
            self.failure: str | None = None
            self.calls: list = []

        def __call__(self, program, rtl_dir, images, memory, max_cycles=None, progress=None, work_dir=None, **more):
            assert len(images) <= IMAGES and rtl_dir == RTL
            self.calls.append({"images": len(images), "memory": memory, "max_cycles": max_cycles, **more})
            if more.get("waves") is not None:
                more["waves"].path.write_text("waves")
            elif work_dir:
                for i, image in enumerate(self.images):
                    image.drains.tofile(work_dir / f"drain_{i}.bin")
                    image.pools.tofile(work_dir / f"pool_{i}.bin")
            if self.failure:
                raise SimulationError(self.failure)
            return SimulationResult(tuple(self.images), memory, 1.0, 1.0)

    monkeypatch.setattr(module, "simulate", stand_in := Simulator())
    return stand_in


def found(run: RightRun):
    return diagnose(run.model, run.program, RTL, run.inputs, memory="ddr")


def spoil(image, layer: int, write: int) -> int:
    """Returns the cycle of the record."""
    record = np.flatnonzero(image.drains["layer"] == layer)[write]
    image.drains["data"][record] ^= 1
    return int(image.drains["cycle"][record])


def test_a_right_run_differs_nowhere(run, simulator):
    diagnosis = found(run)
    assert not diagnosis.differs
    assert diagnosis.first is diagnosis.stopped is diagnosis.emulator_error is diagnosis.focus is None
    assert diagnosis.cycles == tuple(image.cycles for image in simulator.images)
    assert simulator.calls[0]["memory"] == "ddr"
    assert simulator.calls[0]["max_cycles"] == cycle_limit(run.program)
    assert diagnosis.to_dict()["differs"] is False


def test_the_first_image_that_differs_is_reported_with_a_window_before_the_write(run, simulator):
    cycle = spoil(simulator.images[1], layer=1, write=3)
    diagnosis = found(run)
    first = present(diagnosis.first)
    assert (first.image, first.layer, first.cycle) == (1, 1, cycle)
    assert [layer.rtl for layer in diagnosis.layers] == [0, 2, 0]
    assert diagnosis.focus == Focus(1, cycle - 150, 200)
    spoil(simulator.images[0], layer=2, write=0)
    first = present(found(run).first)
    assert (first.image, first.layer) == (0, 2)


def test_a_run_that_fails_is_located_at_the_write_that_never_came(run, simulator):
    simulator.failure = "image 0 was not done after 1000 cycles"
    image = simulator.images[0]
    cut = np.flatnonzero(image.drains["layer"] == 1)[5]
    object.__setattr__(image, "drains", image.drains[:cut])
    del simulator.images[1]
    diagnosis = found(run)
    assert diagnosis.stopped == simulator.failure
    first = present(diagnosis.first)
    assert (first.kind, first.layer, first.write) == (Kind.MISSING, 1, 5)
    assert diagnosis.cycles == ()
    last = int(image.drains["cycle"][-1])
    assert diagnosis.focus == Focus(0, last - 50, 200)


def test_a_run_that_fails_after_its_last_write_is_found_too(run, simulator):
    simulator.failure = "image 1 was not done"
    diagnosis = found(run)
    assert diagnosis.differs and diagnosis.first is None
    last = max(int(trace["cycle"][-1]) for trace in run.traces(1) if trace.size)
    assert diagnosis.focus == Focus(1, last - 50, 200)


def test_a_run_that_never_started_is_an_error(run, simulator):
    simulator.failure, simulator.images = "register IDENTIFICATION reads 0", []
    with pytest.raises(SimulationError, match="IDENTIFICATION"):
        found(run)


@pytest.mark.parametrize(
    "error, said",
    [
        (MachineError(ErrorCode.WINDOW, 0x1000), "error WINDOW (address 0x1000)"),
        (MachineError(ErrorCode.OPCODE, 0x1000), "error OPCODE (address 0x1000)"),
    ],
)
def test_an_error_of_the_machine_is_reported_with_the_cycles_before_it(run, simulator, error, said):
    simulator.images = [run.image_run(0, error)]
    object.__setattr__(simulator.images[0], "interrupt_cycles", 5000)
    object.__setattr__(simulator.images[0], "drains", simulator.images[0].drains[:7])
    diagnosis = found(run)
    assert diagnosis.stopped == f"the machine stopped with {said}"
    first = present(diagnosis.first)
    assert (first.kind, first.write) == (Kind.MISSING, 7)
    assert diagnosis.focus == Focus(0, 5000 - 150, 200)


def test_an_opcode_error_names_the_instruction_at_its_offset(run, simulator):
    offset = run.program.code_offsets[3]
    simulator.images = [run.image_run(0, MachineError(ErrorCode.OPCODE, offset))]
    assert found(run).stopped == f"the machine stopped with error OPCODE (address {offset:#x}) at instruction 3"


def test_an_output_that_memory_holds_otherwise_is_found(run, simulator):
    simulator.images[1].outputs["c"][2, 1, 0] ^= 1
    diagnosis = found(run)
    first = present(diagnosis.first)
    assert (first.kind, first.image, first.element) == (Kind.STORE, 1, (2, 1, 0))
    assert run.program.instructions[present(first.instruction)].opcode == Opcode.STORE
    assert present(diagnosis.focus).image == 1


def test_an_emulator_that_refuses_the_program_is_reported_beside_the_rtl(run, simulator, monkeypatch):
    class Refusing:
        def __init__(self, program):
            pass

        def run(self, image):
            raise EmulationError(4, "base", "instruction 4 reads outside")

    monkeypatch.setattr(module, "Machine", Refusing)
    diagnosis = found(run)
    assert diagnosis.differs and diagnosis.first is None
    assert diagnosis.emulator_error == "instruction 4 reads outside"
    spoil(simulator.images[0], layer=0, write=0)
    assert present(found(run).first).emulator is None


def test_waves_of_the_first_image_end_with_the_window(run, simulator, tmp_path):
    path = tmp_path / "w.vcd"
    record_waves(run.program, RTL, run.inputs, Focus(0, 100, 200), path)
    simulator.failure = "not done after 300 cycles"  # what a run that is cut off says
    record_waves(run.program, RTL, run.inputs, Focus(1, 100, 200), path)
    first, second = simulator.calls
    assert (first["images"], first["max_cycles"], first["waves"].image) == (1, 300, 0)
    assert (second["images"], second["max_cycles"], second["waves"].image) == (2, cycle_limit(run.program), 1)
    assert (first["waves"].first, first["waves"].cycles) == (100, 200)


def test_waves_that_were_not_recorded_are_an_error_and_an_old_file_is_not_taken_for_them(
    run, simulator, tmp_path, monkeypatch
):
    def failing(*arguments, **more):
        raise SimulationError("the disk is full")

    monkeypatch.setattr(module, "simulate", failing)
    path = tmp_path / "w.vcd"
    path.write_text("old")
    with pytest.raises(SimulationError, match="disk is full"):
        record_waves(run.program, RTL, run.inputs, Focus(0, 100, 200), path)
    assert not path.exists()
