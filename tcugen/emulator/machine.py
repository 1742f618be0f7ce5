"""The machine: deals a program's instructions to its units and lets the units run side by side."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.emulator.compute import compute
from tcugen.emulator.drain import drain
from tcugen.emulator.memory import ActivationMemory, Windows
from tcugen.emulator.observation import Observer
from tcugen.emulator.ordering import WAIT_FIELDS, VectorClocks
from tcugen.emulator.pool import pool
from tcugen.emulator.ring import Ring
from tcugen.emulator.shared import Shared
from tcugen.emulator.step import Blocked, EmulationError, Step
from tcugen.emulator.transfer import copy_segments, stream_weights
from tcugen.isa import Opcode, Unit, Window
from tcugen.program import Program, Tensor
from tcugen.program_format import ProgramFormatError, check_weights

Execute = Callable[[Shared, Step], Iterator[Blocked | None]]

_EXECUTE: dict[Opcode, tuple[Unit | None, Execute]] = {
    Opcode.WEIGHT: (None, stream_weights),
    Opcode.LOAD: (Unit.LOAD, copy_segments),
    Opcode.COMPUTE: (Unit.COMPUTE, compute),
    Opcode.DRAIN: (Unit.DRAIN, drain),
    Opcode.POOL: (Unit.POOL, pool),
    Opcode.STORE: (Unit.STORE, copy_segments),
}
"""By opcode, one unit each: the unit whose counter its work advances (WEIGHT has none) and how it executes."""


def _await(shared: Shared, step: Step) -> Iterator[Blocked]:
    while (unit := shared.clocks.unmet(step)) is not None:
        field = WAIT_FIELDS[unit]
        completed = shared.clocks.completed[unit]
        yield Blocked(step, field, f"waits for {step[field]}, but {unit.name} has completed {completed}")


def _run_unit(shared: Shared, unit: Unit | None, execute: Execute, queue: list[Step]) -> Iterator[Blocked | None]:
    """One unit working through its queue: yields None after each change others may wait for, else what it lacks."""
    for step in queue:
        yield from _await(shared, step)
        if unit is not None:
            shared.clocks.begin(unit, step)
        yield from execute(shared, step)


def _run_side_by_side(units: list[Iterator[Blocked | None]]) -> None:
    """Advance all units in turn until each has emptied its queue; EmulationError if none of them can go on."""
    done = object()
    while units:
        states = [next(unit, done) for unit in units]
        blocked = [state for state in states if isinstance(state, Blocked)]
        if blocked and len(blocked) == len(states):
            blocked.sort(key=lambda state: state.step.index)
            reasons = "; ".join(f"{state.step}, {state.field}: {state.reason}" for state in blocked)
            raise EmulationError(blocked[0].step.index, blocked[0].field, f"deadlock: {reasons}")
        units = [unit for unit, state in zip(units, states, strict=True) if state is not done]


class Machine:
    """Executes a compiled program in integers, with no knowledge of the network it computes.

    Attributes:
        program: The program.
        activation: Activation memory after the last run, uint8 [activation_bytes]; None before the first.
        windows: Contents of the windows after the last run, uint8 by `Window`; None before the first.
        observed: Tensors of the last run that DRAIN and POOL instructions wrote, by name: int8 or int32 [C, H, W].
    """

    def __init__(self, program: Program):
        self.program = program
        self.activation: NDArray[np.uint8] | None = None
        self.windows: dict[Window, NDArray[np.uint8]] | None = None
        self.observed: dict[str, Tensor] = {}
        self._steps = [Step(index, instruction) for index, instruction in enumerate(program.instructions)]
        ends = [step for step in self._steps if step.instruction.opcode is Opcode.END]
        if not ends:
            raise EmulationError(None, "opcode", "the program has no END; its last instruction must be END")
        if ends[0].index != len(self._steps) - 1:
            raise ends[0].error("opcode", f"END is followed by {len(self._steps) - 1 - ends[0].index} instructions")
        try:
            check_weights(program.weights.tobytes(), program.architecture)
        except ProgramFormatError as error:
            raise EmulationError(None, "weights", str(error)) from error

    def run(self, inputs: Mapping[str, NDArray[Any]], fill: int = 0) -> dict[str, Tensor]:
        """Run the program once, on one image, from a machine that keeps nothing of earlier runs.

        Args:
            inputs: int8 [C, H, W] by tensor name, exactly the program's input ports.
            fill: Byte that the activation memory holds before the run; a right program's results do not depend on it.

        Returns:
            int8 or int32 [C, H, W] by tensor name, one per output port.

        Raises:
            EmulationError: If the program breaks a rule of the instruction set; names instruction and field.
            ValueError: If the inputs are not those of the program.
        """
        architecture = self.program.architecture
        shared = Shared(
            architecture=architecture,
            activation=ActivationMemory(architecture, fill),
            windows=Windows(self.program),
            clocks=VectorClocks(),
            parameters=Ring(architecture.parameter_groups, architecture.parameter_group_bytes),
            tiles=Ring(architecture.weight_tiles, architecture.tile_bytes),
            observer=Observer(self.program),
            open_bank=None,
            finished=deque(),
        )
        self.activation, self.windows = shared.activation.bytes, shared.windows.bytes
        self._place_inputs(inputs, shared.windows.bytes[Window.INPUT])
        _run_side_by_side(
            [
                _run_unit(shared, unit, execute, [step for step in self._steps if step.instruction.opcode is opcode])
                for opcode, (unit, execute) in _EXECUTE.items()
            ]
        )
        self._check_end(shared)
        self.observed = shared.observer.tensors()
        output = shared.windows.bytes[Window.OUTPUT]
        return {
            port.tensor: port.layout.unpack(output[port.offset : port.offset + port.layout.bytes])
            for port in self.program.outputs
        }

    def _place_inputs(self, inputs: Mapping[str, NDArray[Any]], window: NDArray[np.uint8]) -> None:
        names = {port.tensor for port in self.program.inputs}
        if set(inputs) != names:
            raise ValueError(f"inputs are {sorted(inputs)}, but the program reads {sorted(names)}")

        for port in self.program.inputs:
            window[port.offset : port.offset + port.layout.bytes] = port.layout.pack(inputs[port.tensor])

    def _check_end(self, shared: Shared) -> None:
        end = self._steps[-1]
        for blocked in _await(shared, end):
            raise end.error(blocked.field, f"{blocked.reason} when every queue is empty")
        for name, ring in (("weight tiles", shared.tiles), ("parameter groups", shared.parameters)):
            if ring.written != ring.freed:
                raise end.error("opcode", f"{ring.written - ring.freed} {name} are left unread or kept at the end")
        if shared.open_bank is not None:
            raise end.error("opcode", f"{shared.open_bank.step} left a tile with the array that nothing finishes")
        if shared.finished:
            raise end.error("opcode", f"{shared.finished[0].step} finished a tile that no DRAIN takes")
