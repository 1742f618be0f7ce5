"""Hardware with one place broken: what a proof is worth."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tcugen.rtl.proofs.proof import Mutant, Proof

PACKAGE = Path(__file__).parents[2]
"""The folder tcugen."""


class MutantError(ValueError):
    """A mutant that does not fit the file it is of. The message says which."""


def mutated(mutant: Mutant) -> str:
    """Text of the mutant's file.

    Raises:
        MutantError: If what it changes is not there exactly once.
    """
    text = (PACKAGE / "rtl" / mutant.file).read_text()
    if text.count(mutant.old) != 1:
        raise MutantError(
            f"{mutant.file} holds {text.count(mutant.old)} times {mutant.old!r}, but it must be there once"
        )
    return text.replace(mutant.old, mutant.new)


def found(proof: Proof, mutant: Mutant, timeout: float) -> bool:
    """Whether there is no proof of a package with the mutant in place of the hardware.

    Raises:
        MutantError: If the mutant does not fit, or the broken package cannot even be read.
    """
    with tempfile.TemporaryDirectory(prefix="tcugen-") as name:
        package = Path(name) / "tcugen"
        package.mkdir()
        for part in PACKAGE.iterdir():
            if part.name not in ("rtl", "__pycache__"):
                (package / part.name).symlink_to(part)
        shutil.copytree(PACKAGE / "rtl", package / "rtl", ignore=shutil.ignore_patterns("__pycache__"))
        (package / "rtl" / mutant.file).write_text(mutated(mutant))
        command = [sys.executable, "-m", "tcugen.rtl.proofs", "--only", proof.full_name, "--timeout", str(timeout)]
        # Elsewhere, so that no other package of this name comes first.
        done = subprocess.run(
            command, cwd=name, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": name}
        )
        if done.returncode == 0:
            return False
        if "VIOLATED" in done.stdout or ("NOT PROVED" in done.stdout and "time ran out" not in done.stderr):
            return True
        raise MutantError(f"{proof.full_name}, {mutant.old!r}: {done.stderr[-1000:]}")
