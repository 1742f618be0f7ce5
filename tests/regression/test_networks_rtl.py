"""Whole networks on the RTL: every tensor equals golden, counters add up, the array is busy."""

import numpy as np
import pytest

from tcugen.network.resnets import bundled_network
from tests.machines import ODD, machine
from tests.regression.runs import run_on_rtl, utilisation

HEADLINE = 0.95
"""Least utilisation of ResNet-50 v1.5 on 16x16 with 1280 KiB and 8 bytes per beat."""

MOST_INSTRUCTION_BYTES = 0.01


def check_headline(program, outcome) -> None:
    assert program.mac_count == 4_089_184_256
    assert program.scratch_bytes == 0
    assert len(program.code) < MOST_INSTRUCTION_BYTES * len(program.weights)
    assert utilisation(program, outcome) >= HEADLINE


@pytest.mark.slow
def test_resnet50_on_16x16(rtl):
    architecture = machine("16x16")
    assert (architecture.activation_kib, architecture.bus_bytes) == (1280, 8)
    check_headline(*run_on_rtl(bundled_network("resnet50"), architecture, rtl))


@pytest.mark.slow
def test_resnet20_twice_without_reset(rtl):
    _, outcome = run_on_rtl(bundled_network("resnet20"), machine("8x8"), rtl, images=2)
    logits = outcome.rtl["fc"]
    assert not np.array_equal(logits[0], logits[1])
    assert outcome.cycles[0] == outcome.cycles[1]


@pytest.mark.slow
def test_resnet20_with_sums_as_output(rtl):
    _, outcome = run_on_rtl(bundled_network("resnet20"), machine("8x8"), rtl, int32_output=True)
    assert outcome.rtl["fc"].dtype == np.int32


@pytest.mark.slow
def test_resnet20_with_ddr_memory(rtl):
    network, architecture = bundled_network("resnet20"), machine("8x8")
    _, fixed = run_on_rtl(network, architecture, rtl)
    _, ddr = run_on_rtl(network, architecture, rtl, memory="ddr")
    assert ddr.cycles[0] > fixed.cycles[0]
    for name, tensor in fixed.rtl.items():
        np.testing.assert_array_equal(ddr.rtl[name], tensor)


@pytest.mark.verify
@pytest.mark.parametrize("name", ["16x16", *ODD])
def test_resnet20_on_further_machines(name, rtl):
    run_on_rtl(bundled_network("resnet20"), machine(name), rtl)


@pytest.mark.verify
def test_resnet50_v1_on_16x16(rtl):
    program, outcome = run_on_rtl(bundled_network("resnet50_v1"), machine("16x16"), rtl)
    assert program.mac_count == 3_857_973_248
    assert utilisation(program, outcome) >= HEADLINE


@pytest.mark.verify
def test_resnet50_on_8x16(rtl):
    """Other machines for it, and ResNeXt-50, are rows of `tcugen bench`, see tests/commands/test_bench_command.py."""
    program, outcome = run_on_rtl(bundled_network("resnet50"), machine("8x16"), rtl)
    assert program.mac_count == 4_089_184_256
    assert program.scratch_bytes > 0
    assert len(program.code) < MOST_INSTRUCTION_BYTES * len(program.weights)
    assert utilisation(program, outcome) >= 0.85


@pytest.mark.verify
def test_resnet50_with_ddr_memory(rtl):
    check_headline(*run_on_rtl(bundled_network("resnet50"), machine("16x16"), rtl, memory="ddr"))


@pytest.mark.verify
def test_resnet18_twice_without_reset(rtl):
    program, outcome = run_on_rtl(bundled_network("resnet18"), machine("16x16"), rtl, images=2)
    assert outcome.cycles[0] == outcome.cycles[1]
    assert utilisation(program, outcome) >= HEADLINE


@pytest.mark.verify
def test_wide_resnet50_on_16x16(rtl):
    run_on_rtl(bundled_network("wide_resnet50_2"), machine("16x16"), rtl)
