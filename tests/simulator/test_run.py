"""Whole runs of the harness on the copy machine."""

import dataclasses
import shutil

import numpy as np
import pytest

from tcugen.registers import BY_NAME, ErrorCode
from tcugen.simulator.progress import Progress
from tcugen.simulator.run import MachineError, SimulationError, Waves, simulate
from tcugen.trace.observe import observe
from tcugen.trace.vcd import sampled
from tests.simulator.copy_machine import copy_program, random_images
from tests.typed import present

pytestmark = pytest.mark.slow

# Sizes of window SCRATCH by which the copy machine misbehaves; by the last one it does not.
HANG, ERROR, CROSS, OUTSIDE, EARLY_DONE, LATE, AT_ONCE = 8, 16, 24, 32, 40, 48, 56


def test_images_run_one_after_the_other(architecture, copy_machine, cache_dir):
    program = copy_program(architecture)
    images = random_images(program, 3)
    result = simulate(program, copy_machine, images, cache_dir=cache_dir)
    assert len(result.images) == 3
    assert result.memory == "fixed"
    for image, run in zip(images, result.images, strict=True):
        assert run.error is None
        assert np.array_equal(run.outputs["copy"], image["image"] + np.int8(1))
        observed = observe(program, present(run.drains), present(run.pools))
        assert np.array_equal(observed.tensors["copy"], run.outputs["copy"])
        assert np.array_equal(observed.tensors["pooled"], run.outputs["copy"])
    assert len({run.cycles for run in result.images}) == 1
    assert result.cycles == 3 * result.images[0].cycles


def test_counters_are_read_by_name(architecture, copy_machine, cache_dir):
    program = copy_program(architecture)
    run = simulate(program, copy_machine, random_images(program, 1), cache_dir=cache_dir).images[0]
    assert run.counters["BYTES_READ"] == program.input_bytes
    assert run.counters["BYTES_WRITTEN"] == (3 << 32) + program.input_bytes
    assert run.counters["CYCLES"] == run.cycles
    assert run.interrupt_cycles == run.cycles + 1
    assert [layer["BUSY"] for layer in run.layer_counters] == [100, 101]
    assert "STALL_WEIGHTS" in run.counters
    assert run.layer_counters[0]["STALL_WEIGHTS"] == 0


def test_traces_count_cycles_from_the_start_of_their_image(architecture, copy_machine, cache_dir):
    program = copy_program(architecture)
    result = simulate(program, copy_machine, random_images(program, 2), cache_dir=cache_dir)
    first, second = (present(run.drains) for run in result.images)
    assert np.array_equal(first["cycle"], second["cycle"])
    # Addresses go out from cycle 1; the first beat follows after 100 cycles.
    assert first["cycle"][0] > 101
    assert first["cycle"][-1] == result.images[0].cycles - 51
    assert np.array_equal(first["address"], 8 * np.arange(first.size))
    assert set(present(result.images[0].pools)["layer"]) == {1}


def test_the_traces_may_be_left_out(architecture, copy_machine, cache_dir, tmp_path):
    program = copy_program(architecture)
    images = random_images(program, 1)
    plain = simulate(program, copy_machine, images, cache_dir=cache_dir, trace=False, work_dir=tmp_path).images[0]
    traced = simulate(program, copy_machine, images, cache_dir=cache_dir).images[0]
    assert plain.drains is None and plain.pools is None
    assert plain.cycles == traced.cycles
    assert not list(tmp_path.glob("drain*"))


def test_ddr_is_slower_and_repeatable(architecture, copy_machine, cache_dir):
    program = copy_program(architecture, height=40)
    images = random_images(program, 1)
    fixed, ddr, again = (
        simulate(program, copy_machine, images, memory=memory, cache_dir=cache_dir)
        for memory in ("fixed", "ddr", "ddr")
    )
    assert fixed.cycles < ddr.cycles == again.cycles
    assert np.array_equal(fixed.images[0].outputs["copy"], ddr.images[0].outputs["copy"])


def test_a_machine_error_is_a_result(architecture, copy_machine, cache_dir):
    program = copy_program(architecture, scratch_bytes=ERROR)
    result = simulate(program, copy_machine, random_images(program, 2), cache_dir=cache_dir)
    assert len(result.images) == 1
    assert result.images[0].error == MachineError(ErrorCode.WINDOW, 0x2_0000_1000)
    assert str(result.images[0].error) == "WINDOW (address 0x200001000)"


def test_a_hang_ends_at_the_cycle_limit(architecture, copy_machine, cache_dir):
    program = copy_program(architecture, scratch_bytes=HANG)
    with pytest.raises(SimulationError, match="image 0 was not done after 5000 cycles; .* waits for layer 1"):
        simulate(program, copy_machine, random_images(program, 1), max_cycles=5000, cache_dir=cache_dir)


@pytest.mark.parametrize(
    "scratch_bytes, message",
    [
        (CROSS, "AXI: a burst of 128 bytes crosses 4 KiB"),
        (OUTSIDE, "AXI: a read of 128 bytes is outside every window that allows it"),
        (EARLY_DONE, "the interrupt came with .* writes not yet answered"),
    ],
)
def test_breaches_of_the_bus_rules_end_the_simulation(architecture, copy_machine, cache_dir, scratch_bytes, message):
    program = copy_program(architecture, scratch_bytes=scratch_bytes)
    with pytest.raises(SimulationError, match=message):
        simulate(program, copy_machine, random_images(program, 1), cache_dir=cache_dir)


def test_a_machine_of_another_architecture_is_refused_by_its_register(tmp_path, architecture, copy_machine, cache_dir):
    """The file beside the Verilog says what the program needs, but the Verilog was emitted for something else."""
    other = dataclasses.replace(architecture, weight_tiles=64)
    rtl_dir = shutil.copytree(copy_machine, tmp_path / "rtl")
    (rtl_dir / "architecture.json").write_text(other.to_json())
    program = copy_program(other)
    message = f"reads 0x{architecture.fingerprint:08x}, but .* 0x{other.fingerprint:08x}; emit the Verilog again"
    with pytest.raises(SimulationError, match=message):
        simulate(program, rtl_dir, random_images(program, 1), cache_dir=cache_dir)


def test_verilog_of_another_architecture_is_refused_before_it_is_built(tmp_path, architecture, copy_machine):
    program = copy_program(dataclasses.replace(architecture, weight_tiles=64))
    with pytest.raises(SimulationError, match="weight_tiles 64 / 256"):
        simulate(program, copy_machine, random_images(program, 1), cache_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_progress_is_reported(architecture, copy_machine, cache_dir):
    program = copy_program(architecture, scratch_bytes=HANG)
    seen: list[Progress] = []
    with pytest.raises(SimulationError, match="was not done"):
        simulate(
            program,
            copy_machine,
            random_images(program, 1),
            max_cycles=20_000_000,
            progress=seen.append,
            cache_dir=cache_dir,
        )
    assert seen
    assert (seen[0].image, seen[0].images, seen[0].layer, seen[0].layer_name) == (0, 1, 1, "maxpool")
    assert [p.cycle for p in seen] == sorted(p.cycle for p in seen)
    assert seen[0].cycles_per_second > 1000


def test_waves_are_recorded_on_request(architecture, copy_machine, cache_dir, tmp_path):
    program = copy_program(architecture)
    path = tmp_path / "copy.vcd"
    simulate(
        program, copy_machine, random_images(program, 1), waves=Waves(path, first=50, cycles=100), cache_dir=cache_dir
    )
    text = path.read_text()
    assert "m_axi_araddr" in text
    stamps = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert stamps[0] >= 100 and stamps[-1] < 300


def test_waves_from_cycle_0_begin_with_the_write_that_starts_the_machine(
    architecture, copy_machine, cache_dir, tmp_path
):
    program, path = copy_program(architecture), tmp_path / "copy.vcd"
    images = random_images(program, 2)
    for image in range(2):
        waves = Waves(path, first=0, cycles=40, image=image)
        simulate(program, copy_machine, images, waves=waves, cache_dir=cache_dir)
        names = [f"TOP.tcu_top.s_axil_{name}" for name in ("awvalid", "awready", "awaddr")]
        found = sampled(path, names)
        assert list(found) == list(range(80))
        assert list(found[0].values()) == [1, 1, BY_NAME["CONTROL"].address]


@pytest.mark.parametrize("image", [0, 1])
def test_waves_of_a_machine_that_takes_the_start_late_are_those_of_one_that_does_not(
    architecture, copy_machine, cache_dir, tmp_path, image
):
    """They begin after the write was taken, and their cycles count from there."""
    found: dict[int, dict[int, dict[str, int]]] = {}
    for scratch_bytes in (AT_ONCE, LATE):
        program, path = copy_program(architecture, scratch_bytes=scratch_bytes), tmp_path / f"{scratch_bytes}.vcd"
        waves = Waves(path, first=0, cycles=200, image=image)
        simulate(program, copy_machine, random_images(program, 2), waves=waves, cache_dir=cache_dir)
        names = ("m_axi_arvalid", "m_axi_araddr", "m_axi_rvalid", "m_axi_awvalid", "s_axil_bvalid")
        found[scratch_bytes] = sampled(path, [f"TOP.tcu_top.{name}" for name in names])
    late, begin = found[LATE], min(found[LATE])
    assert 0 < begin < 10
    assert late == {time: values for time, values in found[AT_ONCE].items() if time >= begin}
    assert max(late) == 399
    assert len({tuple(values.values()) for values in late.values()}) > 10


def test_arguments_are_checked(architecture, copy_machine, cache_dir):
    program = copy_program(architecture)
    image = random_images(program, 1)[0]["image"]
    with pytest.raises(ValueError, match="memory model 'sram' is not one of fixed, ddr"):
        simulate(program, copy_machine, [{"image": image}], memory="sram", cache_dir=cache_dir)
    with pytest.raises(ValueError, match="no image"):
        simulate(program, copy_machine, [], cache_dir=cache_dir)
    with pytest.raises(ValueError, match=r"has inputs \['picture'\], but the program needs \['image'\]"):
        simulate(program, copy_machine, [{"picture": image}], cache_dir=cache_dir)
    with pytest.raises(ValueError, match=r"uint8 \[8, 5, 37\], but it must be int8 \[8, 5, 37\]"):
        simulate(program, copy_machine, [{"image": image.view(np.uint8)}], cache_dir=cache_dir)
