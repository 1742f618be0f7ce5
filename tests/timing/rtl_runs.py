"""A network on the RTL beside its replay."""

from collections.abc import Mapping, Sequence

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.memory_model import MEMORY_MODELS
from tcugen.network.graph import Network
from tcugen.program import Program
from tcugen.registers import Stall
from tcugen.simulator.run import simulate
from tcugen.synthetic.integers import synthesise
from tcugen.timing.prediction import Prediction
from tcugen.timing.replay import replay
from tests.machines import Emitted

SEED = 5

WHOLE_TOLERANCE = 0.01
LAYER_TOLERANCE = 0.04
"""Of the cycles of a layer that has LAYER_SHARE of all or more."""

LAYER_SHARE = 0.01

FEW_CYCLES = 100
"""Always allowed: on small networks a burst's place on the bus is more than any share."""

FEW_LAYER_CYCLES = 250
"""The same of a layer, whose STORE may find its place before all of a LOAD, or after it."""


def check_replay(network: Network, architecture: Architecture, rtl: Emitted, memory: str = "fixed") -> Prediction:
    """Run on both and compare."""
    model, inputs = synthesise(network, SEED, 1)
    program = compile_network(model, architecture)
    first = {name: tensor[0] for name, tensor in inputs.items()}
    image = simulate(program, rtl(architecture), [first], memory, trace=False).images[0]
    assert image.error is None
    predicted = replay(program.instructions, architecture, len(program.layers), MEMORY_MODELS[memory])
    check_prediction(program, predicted, image.counters, image.layer_counters)
    return predicted


def check_prediction(
    program: Program, predicted: Prediction, counters: Mapping[str, int], layers: Sequence[Mapping[str, int]]
) -> None:
    """Bytes exactly, busy cycles exactly, cycles within the tolerances."""
    assert predicted.bytes_read == counters["BYTES_READ"]
    assert predicted.bytes_written == counters["BYTES_WRITTEN"]
    assert [layer.busy for layer in predicted.layers] == [layer["BUSY"] for layer in layers]
    assert sum(layer.cycles for layer in predicted.layers) == predicted.cycles
    cycles = counters["CYCLES"]
    assert abs(predicted.cycles - cycles) <= max(FEW_CYCLES, WHOLE_TOLERANCE * cycles)
    for described, ours, theirs in zip(program.layers, predicted.layers, layers, strict=True):
        layer_cycles = sum(theirs.values())
        if layer_cycles >= LAYER_SHARE * cycles:
            difference = abs(ours.cycles - layer_cycles)
            assert difference <= max(FEW_LAYER_CYCLES, LAYER_TOLERANCE * layer_cycles), (described, ours, theirs)
    stalled = sum(predicted.stalls.values())
    for reason in Stall:
        theirs = counters[f"STALL_{reason.name}"]
        assert abs(predicted.stalls.get(reason, 0) - theirs) <= max(FEW_CYCLES, WHOLE_TOLERANCE * cycles), reason
    assert stalled == predicted.cycles - predicted.busy
