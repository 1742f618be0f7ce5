"""The driver in Python on the simulated machine, and its ways to reach registers and memory on a board."""

import ast
import json
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from tcugen import golden
from tcugen.driver import tcu as driver
from tcugen.driver.tcu import DmaBufMemory, Network, PynqMemory, Tcu, TcuError, UioInterrupt, UioRegisters
from tcugen.model.images import quantise_images
from tcugen.simulator.served import RefusedError, SimulatedMachine
from tests.driver.conftest import CLASSES


def test_a_build_has_the_driver_itself(trained_build):
    assert (trained_build / "driver" / "tcu.py").read_text() == Path(driver.__file__).read_text()


def test_it_is_python_that_boards_have():
    ast.parse(Path(driver.__file__).read_text(), feature_version=(3, 8))


@pytest.mark.slow
def test_images_are_classified_on_the_rtl(cache_dir, trained_build, trained, images):
    network = Network.read(trained_build)
    want = golden.run(trained, {"image": quantise_images(images, trained.tensors["image"])})["fc"]
    with SimulatedMachine(trained_build, cache_dir=cache_dir) as machine:

        def wait() -> None:
            machine.wait()

        tcu = Tcu(network, machine, machine, wait=wait)
        tcu.setup()
        assert tcu.classify(images[0]) == CLASSES[9]
        counters = tcu.counters()
        outputs = tcu.infer(quantise_images(images[1], trained.tensors["image"]))
        assert np.array_equal(outputs["fc"], want[1]) and tcu.top1(outputs) == 2
        assert tcu.counters() == counters  # nothing of the first run is left
        stalls = sum(cycles for name, cycles in counters.items() if name.startswith("STALL_"))
        assert counters["BUSY"] + stalls == counters["CYCLES"]
        layers = [tcu.layer_counters(number) for number in range(len(network.layers))]
        assert sum(layer["BUSY"] for layer in layers) == counters["BUSY"]


@pytest.mark.slow
def test_errors_are_raised_by_name_and_the_next_run_is_good(cache_dir, trained_build, small_build, small):
    network = Network.read(small_build)
    image = np.random.default_rng(4).integers(-128, 128, network.inputs[0].shape, dtype=np.int8)
    want = golden.run(small, {"image": image[None]})
    with SimulatedMachine(trained_build, cache_dir=cache_dir) as machine:
        tcu = Tcu(network, machine, machine)  # polls
        tcu.setup(watchdog=2000)

        def good() -> None:
            outputs = tcu.infer(image)
            assert all(np.array_equal(tensor, want[name][0]) for name, tensor in outputs.items())

        def fails(name: str, *where: int) -> TcuError:
            with pytest.raises(TcuError) as caught:
                tcu.run(*where)
            assert caught.value.name == name, caught.value
            return caught.value

        good()
        beyond = machine.base + machine.memory_bytes
        inside = tcu.buffers["INPUT"].address
        assert beyond <= fails("WRITE_RESPONSE", inside, beyond).address < beyond + network.sizes["OUTPUT"]
        address = fails("READ_RESPONSE", beyond, tcu.buffers["OUTPUT"].address).address
        assert beyond <= address < beyond + network.sizes["INPUT"]
        fails("BAD_ADDRESS", inside + 8)
        fails("WINDOWS_OVERLAP", inside, inside)
        program = tcu.buffers["PROGRAM"].array
        program[0] ^= 15
        fails("FORMAT")
        program[0] ^= 15
        program[64] ^= 15
        fails("PROGRAM_CHECKSUM")
        tcu.setup(watchdog=2000)
        good()
        machine.fall_silent(True)
        fails("BUS_HUNG")
        with pytest.raises(TcuError, match="BUS_HUNG"):
            tcu.soft_reset()
        fails("BUS_HUNG")
        machine.fall_silent(False)
        good()  # the start makes the soft reset that the error asks for
        sizes = dict(network.sizes)
        network.sizes["WEIGHTS"] //= 2
        tcu.setup(watchdog=2000)
        fails("WINDOW")
        network.sizes.update(sizes)
        tcu.setup(watchdog=2000)
        with pytest.raises(TcuError, match="NO_RUN"):
            tcu.finish()
        with pytest.raises(TcuError, match="BAD_ARGUMENT: layer 4096, but there are"):
            tcu.layer_counters(4096)
        with pytest.raises(TcuError, match="BAD_ARGUMENT: 0 images, but 1 inputs"):
            tcu.infer()
        tcu.start()
        fails("BUSY")
        tcu.soft_reset()
        tcu.max_polls = 2
        fails("TIMEOUT")
        tcu.max_polls = 0
        tcu.soft_reset()
        good()
        with pytest.raises(RefusedError):
            machine.write(0, 1)
        network.tables["architecture"] ^= 1
        with pytest.raises(TcuError, match="OTHER_MACHINE"):
            tcu.setup()
        network.tables["identification"] ^= 1
        with pytest.raises(TcuError, match="NO_MACHINE"):
            tcu.setup()


def test_an_image_that_does_not_fit_is_refused(small_build):
    tensor = Network.read(small_build).inputs[0]
    window = np.zeros(tensor.bytes, np.uint8)
    with pytest.raises(TcuError, match="BAD_ARGUMENT"):
        tensor.write(np.zeros((1, 2, 3), np.int8), window)
    with pytest.raises(TcuError, match="BAD_ARGUMENT: an image of int64"):
        tensor.write(np.zeros(tensor.shape, np.int64), window)
    with pytest.raises(TcuError, match="NOT_FINITE"):
        tensor.write(np.full(tensor.shape, np.nan, np.float32), window)


def test_uio_maps_registers_and_waits_for_the_interrupt(tmp_path):
    device = tmp_path / "uio0"
    device.write_bytes(np.arange(1024, dtype=np.uint32).tobytes())
    registers = UioRegisters(str(device))
    assert registers.read(0x20) == 8
    registers.write(0x20, 0xFFFF_FFFF)
    assert registers.read(0x20) == 0xFFFF_FFFF
    assert device.read_bytes()[0x20:0x24] == b"\xff" * 4
    # A pipe gives back what unmasks the interrupt: it has come at once.
    os.mkfifo(tmp_path / "uio1")
    UioInterrupt(str(tmp_path / "uio1")).wait()


def test_a_dma_buffer_is_cut_into_pages(tmp_path):
    (tmp_path / "class" / "udmabuf0").mkdir(parents=True)
    (tmp_path / "class" / "udmabuf0" / "phys_addr").write_text("0x1f400000\n")
    (tmp_path / "class" / "udmabuf0" / "size").write_text("12288\n")
    (tmp_path / "udmabuf0").write_bytes(bytes(12288))
    memory = DmaBufMemory(str(tmp_path / "udmabuf0"), str(tmp_path / "class"))
    first, second = memory.allocate(5000), memory.allocate(1)
    assert (first.address, second.address) == (0x1F400000, 0x1F402000)
    second.array[0] = 7
    assert (tmp_path / "udmabuf0").read_bytes()[0x2000] == 7
    with pytest.raises(TcuError, match="NO_MEMORY: the buffer has 12288 bytes, but 16384 are needed"):
        memory.allocate(1)


def test_pynq_gives_memory_with_an_address(monkeypatch):
    class PynqBuffer(np.ndarray):
        device_address = 0x1000_0000

    def allocate(shape, dtype):
        return np.zeros(shape, dtype).view(PynqBuffer)

    monkeypatch.setitem(sys.modules, "pynq", types.SimpleNamespace(allocate=allocate))
    buffer = PynqMemory().allocate(5000)
    assert (buffer.address, len(buffer.array)) == (0x1000_0000, 8192)


def test_tables_are_plain_json(small_build):
    tables = json.loads((small_build / "driver" / "tcu.json").read_text())
    assert tables["registers"]["CONTROL"] == 8 and tables["results"]["5"].startswith("BUS_HUNG: ")
