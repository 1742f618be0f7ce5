"""One call that runs a network on golden, emulator and RTL and asserts all that must hold of any run."""

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.network.graph import Network
from tcugen.program import Program
from tcugen.synthetic.integers import synthesise
from tcugen.verify.compare import Verification, verify
from tests.machines import Emitted

SEED = 5


def run_on_rtl(
    network: Network,
    architecture: Architecture,
    rtl: Emitted,
    images: int = 1,
    memory: str = "fixed",
    int32_output: bool = False,
) -> tuple[Program, Verification]:
    """Made-up integers on all three; every element of every tensor must be equal and the counters must add up."""
    model, inputs = synthesise(network, SEED, images, int32_output)
    program = compile_network(model, architecture)
    outcome = verify(model, program, rtl(architecture), inputs, memory=memory)
    wrong = {
        result.node.name: {"emulator": result.emulator_mismatches, "rtl": result.rtl_mismatches}
        for result in outcome.nodes
        if result.emulator_mismatches or result.rtl_mismatches
    }
    assert not wrong
    assert outcome.mismatches == 0
    assert len(outcome.cycles) == images
    assert set(outcome.rtl) == set(program.tensors)
    assert all(tensor.shape[0] == images for tensor in outcome.rtl.values())
    check_counters(outcome)
    return program, outcome


def check_counters(outcome: Verification) -> None:
    """Every cycle is busy or has one reason for stalling, and belongs to one layer."""
    counters = outcome.counters
    stalls = {name: cycles for name, cycles in counters.items() if name.startswith("STALL_")}
    assert counters["BUSY"] + sum(stalls.values()) == counters["CYCLES"] == outcome.cycles[-1]
    assert sum(result.busy for result in outcome.nodes) == counters["BUSY"]
    assert sum(result.cycles for result in outcome.nodes) == counters["CYCLES"]
    for name, cycles in stalls.items():
        reason = name.removeprefix("STALL_").lower()
        assert sum(result.stalls.get(reason, 0) for result in outcome.nodes) == cycles, reason


def utilisation(program: Program, outcome: Verification) -> float:
    """The network's own multiply-accumulates per multiplier and cycle."""
    images = len(outcome.cycles)
    return images * program.mac_count / (program.architecture.multipliers * sum(outcome.cycles))
