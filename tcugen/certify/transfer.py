"""LOAD and STORE: bytes between a window and the activation memory, as they are."""

import numpy as np

from tcugen.arch import Architecture
from tcugen.certify.errors import NotCertified
from tcugen.certify.memory import ActivationMemory, Windows
from tcugen.certify.order import Work
from tcugen.certify.symbols import UNWRITTEN, ZERO
from tcugen.isa import Instruction, Opcode, Window


def transfer(
    instruction: Instruction, work: Work, architecture: Architecture, windows: Windows, memory: ActivationMemory
) -> None:
    """Copy the segments of one LOAD or STORE.

    Raises:
        NotCertified: If something is unaligned, outside or out of order, or bytes from before the run would be stored.
    """
    segments, length = instruction["segments"], instruction["segment_bytes"]
    size, bus = windows.size(instruction["window"]), architecture.bus_bytes
    window, word = Window(instruction["window"]), min(bus, architecture.rows)
    aligned = {
        "offset": bus, "segment_bytes": bus, "memory_step": bus, "activation": word, "activation_step": word,
    }  # fmt: skip
    for name, unit in aligned.items():
        if instruction[name] % unit:
            raise NotCertified(f"{name} is {instruction[name]}, and must be a multiple of {unit}")
    end = instruction["offset"] + (segments - 1) * instruction["memory_step"] + length
    if segments * length > memory.size or end > size:
        raise NotCertified(f"moves {segments * length} bytes up to byte {end} of a window of {size}")
    inner, segment = np.arange(length), np.arange(segments)[:, None]
    offsets = instruction["offset"] + segment * instruction["memory_step"] + inner
    places = memory.bounded(instruction["activation"] + segment * instruction["activation_step"] + inner)
    if instruction.opcode == Opcode.LOAD:
        memory.write(work, places, windows.load(work, window, offsets))
        return
    row = instruction["row_step"]
    if row < 1 or row % bus or length % row:
        raise NotCertified(f"row_step is {row}, and must be a multiple of {bus} that divides {length}")
    symbols = np.full(offsets.shape, ZERO, np.int32)
    pixels = inner % row < instruction["row_bytes"]
    symbols[:, pixels] = memory.read(work, places[:, pixels])
    if (symbols == UNWRITTEN).any():
        raise NotCertified("stores bytes that hold what was there before the run")
    windows.store(work, window, offsets, symbols)
