"""What a program stores to memory and loads again: SCRATCH and OUTPUT, beat by beat."""

import numpy as np

from tcugen.access.box import Addresses
from tcugen.access.transfer import in_memory
from tcugen.isa import Instruction, Window
from tcugen.program import Program


class MemoryRuleBroken(Exception):
    """A transfer that memory cannot serve; the message says which byte and why."""


class StoredBeats:
    """The STORE that fills each beat of the windows that the machine writes."""

    def __init__(self, program: Program):
        self._beat = program.architecture.bus_bytes
        sizes = {Window.OUTPUT: program.output_bytes, Window.SCRATCH: program.scratch_bytes}
        self._stored = {window: np.zeros(-(-size // self._beat), np.int32) for window, size in sizes.items()}
        self._outputs = program.outputs

    def _beats(self, instruction: Instruction) -> Addresses:
        segments = in_memory(instruction)
        beats = segments.addresses[:, None] // self._beat + np.arange(segments.width // self._beat)
        return beats.reshape(-1)

    def store(self, instruction: Instruction, count: int) -> None:
        """STORE number `count`.

        Raises:
            MemoryRuleBroken: If it overwrites what an earlier one has stored.
        """
        stored, beats = self._stored[Window(instruction["window"])], self._beats(instruction)
        places, times = np.unique(beats, return_counts=True)
        twice = places[(stored[places] > 0) | (times > 1)]
        if twice.size:
            place = int(twice[0]) * self._beat
            raise MemoryRuleBroken(f"stores to byte {place} of {Window(instruction['window']).name} a second time")
        stored[beats] = count

    def load(self, instruction: Instruction, waited: int) -> None:
        """A LOAD that waits for STORE number `waited`.

        Raises:
            MemoryRuleBroken: If what it reads is not there by then.
        """
        if instruction["window"] not in self._stored:
            return
        beats = self._beats(instruction)
        found = self._stored[Window(instruction["window"])][beats]
        if not found.all():
            place = int(beats[found == 0].min()) * self._beat
            raise MemoryRuleBroken(f"loads byte {place} of {Window(instruction['window']).name}, never stored before")
        if found.max() > waited:
            raise MemoryRuleBroken(f"loads what work {int(found.max())} of STORE stores, but waits for {waited} only")

    def finish(self) -> None:
        """The end of the program.

        Raises:
            MemoryRuleBroken: If a beat of an output has not been stored.
        """
        for port in self._outputs:
            first, end = port.offset // self._beat, -(-(port.offset + port.layout.bytes) // self._beat)
            missing = np.flatnonzero(self._stored[Window.OUTPUT][first:end] == 0)
            if missing.size:
                place = (first + int(missing[0])) * self._beat
                raise MemoryRuleBroken(f"output {port.tensor!r}: byte {place} of OUTPUT is never stored")
