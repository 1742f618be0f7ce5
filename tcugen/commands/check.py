"""`tcugen check`: is a program from elsewhere safe on the machine of a build?"""

import json
from pathlib import Path

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.commands.certificates import verdict_of
from tcugen.compiler.check import check_program
from tcugen.console.machine import MachineFlags, existing_architecture
from tcugen.console.outcome import UsageError
from tcugen.mapping.errors import CompileError
from tcugen.program import Program
from tcugen.program_format import ProgramFormatError

LONGEST_REASON = 300
"""Letters of what is wrong with a file, which may quote it."""

FILES = ("program.bin", "weights.bin", "program.json")
LARGEST_WINDOWS = 1 << 29
"""Bytes that the windows of tensors may have together: each takes several of this machine to look at."""


def check(program: Path, rtl: Path, console: Console, model: Path | None = None) -> None:
    """Prove that a program keeps every rule that the compiler's own programs are held to, on an earlier build.

    And that it computes its network, where that is known, see `verdict_of`.

    Args:
        program: Folder of the three files of a program.
        rtl: Folder of a build.
        model: What it is said to compute; None to look beside the program.

    Raises:
        UsageError: If it does not; names the file or instruction, and the rule.
    """
    architecture = existing_architecture(rtl, MachineFlags())
    read = _read(program, architecture)
    try:
        check_program(read)
    except CompileError as error:
        rule = str(error).removesuffix("; this is a fault of the compiler")
        raise UsageError(f"{program}: {rule}; it is not safe on this machine, so build the program again") from error
    verdict = verdict_of(program, architecture, model, console)
    console.print(
        f"{program}: safe on the machine in {rtl}: its checksums hold, its accesses are in order and in bounds, and it "
        f"ends ({len(read.instructions)} instructions, {read.weights.size:,} bytes of weights)\n{program}: {verdict}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _read(folder: Path, architecture: Architecture) -> Program:
    for name in FILES:
        if not (folder / name).is_file():
            raise UsageError(f"{folder} has no {name}; name a folder with {', '.join(FILES)}, as program/ of a build")
    try:
        program = Program.read(folder)
    except ProgramFormatError as error:
        raise UsageError(f"{folder}: {error}") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{folder / 'program.json'} is no JSON: {error}; take that of the build") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        # ValueError also of an architecture that cannot be, or an instruction that cannot be decoded.
        raise UsageError(
            f"{folder} holds no program: {str(error)[:LONGEST_REASON]}; take all three files from one build"
        ) from error
    windows = program.input_bytes, program.output_bytes, program.scratch_bytes
    if sum(windows) > LARGEST_WINDOWS:
        raise UsageError(
            f"{folder}: windows of {' + '.join(f'{size:,}' for size in windows)} bytes, but check takes programs with "
            f"at most {LARGEST_WINDOWS:,} for inputs, outputs and scratch together; take program.json from the build"
        )
    if program.architecture.for_programs != architecture.for_programs:
        theirs, ours = program.architecture.for_programs.to_dict(), architecture.for_programs.to_dict()
        names = sorted(set(theirs) | set(ours))
        differing = [f"{name} {theirs.get(name, 0)} / {ours.get(name, 0)}" for name in names]
        differing = [text for name, text in zip(names, differing, strict=True) if theirs.get(name) != ours.get(name)]
        raise UsageError(
            f"{folder} is for another machine than the build (program / build): {', '.join(differing)}; "
            "take the build it was made with"
        )
    return program
