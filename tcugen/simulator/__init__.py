"""The emitted Verilog run as it is: a Verilator build, a C++ host and memory model, and tensors from its traces."""

from tcugen.simulator.build import BuildError, build
from tcugen.simulator.environment import EnvironmentProblem, Finding, check
from tcugen.simulator.observe import ObservationError, Observed, observe
from tcugen.simulator.progress import Progress
from tcugen.simulator.run import (
    ImageRun,
    MachineError,
    SimulationError,
    SimulationResult,
    Waves,
    simulate,
    trace_dtype,
)

__all__ = [
    "BuildError",
    "EnvironmentProblem",
    "Finding",
    "ImageRun",
    "MachineError",
    "ObservationError",
    "Observed",
    "Progress",
    "SimulationError",
    "SimulationResult",
    "Waves",
    "build",
    "check",
    "observe",
    "simulate",
    "trace_dtype",
]
