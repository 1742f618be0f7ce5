"""The array alone in a simulator: what a whole machine's speed of simulation is measured against."""

import json
import re
import subprocess
from pathlib import Path

from tcugen.simulator.build import BuildError, Design, build_design, read_architecture
from tcugen.simulator.run import SimulationError

MODULE = "tcu_array"


def build_bare_array(rtl_dir: Path, cache_dir: Path | None = None) -> Path:
    """The simulator program of the array module as it stands in the Verilog in `rtl_dir`, built like the whole design.

    It is not trained (see `compile_program`): it has no branches, and training made it slower.

    Raises:
        EnvironmentProblem, BuildError: As `build`.
    """
    architecture = read_architecture(rtl_dir)
    sizes = {"kRows": architecture.rows, "kColumns": architecture.columns}
    lines = ["// Generated from the architecture.", "", "#pragma once", ""]
    lines += [f"constexpr int {name} = {value};" for name, value in sizes.items()]
    verilog = {f"{MODULE}.v": _array_module(rtl_dir).encode()}
    design = Design(MODULE, "bare_array.cpp", verilog, {"array.h": "\n".join(lines) + "\n"})
    return build_design(design, cache_dir)


def _array_module(rtl_dir: Path) -> str:
    """Text of the one module, which contains no other."""
    for path in sorted(rtl_dir.glob("*.v")):
        found = re.search(rf"^module {MODULE}\b.*?^endmodule$", path.read_text(), re.MULTILINE | re.DOTALL)
        if found:
            return found[0] + "\n"
    raise BuildError(f"the Verilog in {rtl_dir} has no module {MODULE}; emit it with `tcugen build`")


def run_bare_array(program: Path, cycles: int, pixels: int) -> float:
    """Run what `build_bare_array` built; seconds of processor time that it took.

    Args:
        cycles: How long.
        pixels: Operands per weight tile.

    Raises:
        SimulationError: If it failed.
    """
    done = subprocess.run([program, str(cycles), str(pixels)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SimulationError(f"the array alone could not be simulated: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)["cpu_seconds"]
