"""OpenSTA: where it is, and one run of it."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

from tcugen.cells.cell_library import Library
from tcugen.fpga.errors import SynthesisError
from tcugen.fpga.tools import Tool, run

CLOCK = "clock"


def find_opensta() -> Tool:
    """The distribution's.

    Raises:
        SynthesisError: If there is none.
    """
    if path := shutil.which("sta"):
        return Tool(Path(path), "OpenSTA")
    raise SynthesisError("no OpenSTA found: install it (Debian: apt install opensta)")


@contextlib.contextmanager
def workspace(parent: Path, name: str) -> Generator[Path]:
    """A folder for a run, which is `parent/NAME` once all has ended well."""
    work = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=parent))
    try:
        yield work
        shutil.rmtree(parent / name, ignore_errors=True)
        work.replace(parent / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def setup(library: Library, verilog: Path, design: str, clock: str, period_ns: float) -> list[str]:
    """Commands that read a netlist and give it a clock. All that comes from outside is there at the clock edge, all
    that goes outside has time until the next; the clock reaches all flip-flops at once."""
    return [
        f"read_liberty {{{library.liberty}}}",
        f"read_verilog {{{verilog.name}}}",
        f"link_design {design}",
        f"create_clock -name {CLOCK} -period {period_ns:g} [get_ports {clock}]",
        # The least slope that the tables of the library know.
        f"set_clock_transition 0.06 [get_clocks {CLOCK}]",
        f'foreach port [all_inputs] {{ if {{[get_full_name $port] != "{clock}"}} '
        f"{{ set_input_delay 0 -clock {CLOCK} $port }} }}",
        f"set_output_delay 0 -clock {CLOCK} [all_outputs]",
    ]


def run_opensta(
    commands: list[str], folder: Path, name: str, timeout_seconds: float, report: Callable[[str], None]
) -> str:
    """What it prints to commands, run in `folder`; the commands are left in `NAME.tcl`, the text in `NAME.log`.

    Raises:
        SynthesisError: If it is missing, fails, takes too long, or says that a command is wrong.
    """
    tool = find_opensta()
    (folder / f"{name}.tcl").write_text("\n".join([*commands, "puts done", ""]))
    log = folder / f"{name}.log"
    run(tool, ["-no_init", "-no_splash", "-exit", f"{name}.tcl"], folder, log, timeout_seconds, report)
    text = log.read_text()
    wrong = [line for line in text.splitlines() if line.startswith("Error")]
    if wrong or not text.endswith("done\n"):
        last = wrong[0] if wrong else "it stopped early"
        raise SynthesisError(f"{tool.identity} failed: {last}; take another (this flow was made with 2.0.17)")
    return text
