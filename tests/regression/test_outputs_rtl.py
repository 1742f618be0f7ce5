"""Several outputs on the RTL: tensors that leave and are read again, on chip or from window OUTPUT."""

from dataclasses import replace

import pytest

from tests.compiler.networks import NETWORKS
from tests.machines import machine
from tests.regression.runs import run_on_rtl


@pytest.mark.slow
@pytest.mark.parametrize("kib", [64, 4])
def test_on_a_small_machine(kib, rtl):
    architecture = replace(machine("4x4"), activation_kib=kib)
    program, outcome = run_on_rtl(NETWORKS["outputs"], architecture, rtl)
    assert [port.tensor for port in program.outputs] == ["t", "b", "v", "a", "c"]
    assert not any(result.fused for result in outcome.nodes if result.node.name in ("a", "b"))
    spilled = {load["window"] for load in program.instructions if load.opcode.name == "LOAD"}
    assert (len(spilled) > 1) == (kib == 4)
