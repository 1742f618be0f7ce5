"""The driver on an ARM of 32 bits, as in a Zynq-7000: emulated by QEMU, its registers and memory those of the RTL."""

import pytest

from tcugen.simulator.served import SimulatedMachine
from tests.driver.hosted import check_classified, run_host

# Static, so that the emulator needs no C library of the distribution at the place where ARM has it.
COMPILER = ("arm-linux-gnueabihf-gcc", "-static", "-O2")
RUNNER = ("qemu-arm",)

ELF_32 = b"\x7fELF\x01"
ARM = bytes((40, 0))
"""The processor that an ELF file is for."""


@pytest.mark.verify
def test_an_arm_classifies_two_images_on_the_rtl(tmp_path, cache_dir, trained_build, trained, images):
    with SimulatedMachine(trained_build, cache_dir=cache_dir) as machine:
        told = run_host(machine, trained_build, tmp_path, images, "interrupt", COMPILER, RUNNER)
    header = (tmp_path / "host").read_bytes()[:20]
    assert (header[:5], header[18:20]) == (ELF_32, ARM)
    check_classified(told, tmp_path, trained, images, ["9", "2"])
