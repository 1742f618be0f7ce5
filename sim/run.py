"""The pytest side of the benches: compiles a case, makes the golden tensors and runs a bench in the simulator."""

import os
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from cocotb_tools.runner import Icarus, Runner

from sim.build import TOP, PortsOnlyVerilator, build, build_icarus
from sim.job import ENVIRONMENT_VARIABLE, Job
from sim.pauses import PROFILES
from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.model.quantized import QuantizedNetwork
from tcugen.program import Program
from tcugen.simulator.progress import layer_cycles

_FIXED_ALLOWANCE_CYCLES = 20_000
_ALLOWED_SLOWDOWN = 30

_LOG_TAIL_LINES = 30


class BenchFailure(AssertionError):
    """A bench failed. The message is the bench's own, or the end of the simulation's log, and where all of it is."""


def prepare(
    model: QuantizedNetwork,
    inputs: Mapping[str, np.ndarray],
    architecture: Architecture,
    pauses: str,
    seed: int,
    directory: Path,
) -> Job:
    """Compiles the network, computes the golden tensors and leaves the job in `directory`, which exists."""
    program = compile_network(model, architecture)
    tensors = golden.run(model, inputs)
    expected = {name: tensors[name] for name in program.tensors}
    job = Job(program, dict(inputs), expected, pauses, seed, _cycle_limit(program, pauses))
    job.write(directory)
    return job


def _cycle_limit(program: Program, pauses: str) -> int:
    """Cycles after which an image is taken to hang."""
    slowdown = _ALLOWED_SLOWDOWN / (1 - PROFILES[pauses].share)
    return int(_FIXED_ALLOWANCE_CYCLES + slowdown * sum(layer_cycles(program)))


def run_bench(module: str, architecture: Architecture, directory: Path) -> None:
    """Runs the tests of a bench module on the job in `directory`, in one simulation by Verilator.

    Raises:
        BenchFailure: If one fails, or the simulation ends before its tests do.
    """
    _run(PortsOnlyVerilator(), build(architecture), module, directory)


def run_bench_in_four_states(module: str, architecture: Architecture, standard: str, directory: Path) -> None:
    """The same by Icarus Verilog, which reads the Verilog as `standard`, see `sim.build.VERILOG_STANDARDS`."""
    _run(Icarus(), build_icarus(architecture, standard, directory), module, directory)


def _run(runner: Runner, build_dir: Path, module: str, directory: Path) -> None:
    log, results = directory / "simulation.log", directory / "results.xml"
    # cocotbext-axi calls cocotb by names that are going out.
    variables = {ENVIRONMENT_VARIABLE: str(directory), "PYTHONWARNINGS": "ignore::DeprecationWarning"}
    # Under this variable the runner would end the whole process at a failure.
    current = os.environ.pop("PYTEST_CURRENT_TEST", None)
    try:
        runner.test(
            test_module=module,
            hdl_toplevel=TOP,
            hdl_toplevel_lang="verilog",
            build_dir=build_dir,
            test_dir=directory,
            seed=1,
            results_xml=str(results),
            log_file=log,
            extra_env=variables,
        )
    except SystemExit:
        pass  # the results tell why
    finally:
        if current is not None:
            os.environ["PYTEST_CURRENT_TEST"] = current
    _judge(results, log)


def _judge(results: Path, log: Path) -> None:
    cases = list(ElementTree.parse(results).iter("testcase")) if results.exists() else []
    failures = [
        f"{case.get('name')}: {failure.get('message') or failure.get('error_msg')}"
        for case in cases
        for failure in (*case.iter("failure"), *case.iter("error"))
    ]
    if cases and not failures:
        return
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
    said = "\n".join(failures) or "the simulation ended before its tests"
    raise BenchFailure(f"{said}\nthe log is {log}, its end:\n{tail}")
