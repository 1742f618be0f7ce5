"""Programs to certify: compiled, written to a folder and read back as the checker reads them."""

import tempfile
from pathlib import Path

from tcugen.arch import Architecture
from tcugen.certify.files import ProgramFiles, read_files
from tcugen.program import Program


def files_of(program: Program, architecture: Architecture) -> ProgramFiles:
    """What the checker reads of a program."""
    with tempfile.TemporaryDirectory() as folder:
        program.write(Path(folder))
        return read_files(Path(folder), architecture)
