"""The units on the bus side: LOAD and STORE copy segments, WEIGHT streams parameters and weight tiles."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import PARAMETER_BYTES
from tcugen.emulator.memory import ADDRESS_MASK
from tcugen.emulator.ring import Ring
from tcugen.emulator.shared import Shared
from tcugen.emulator.step import Blocked, Step
from tcugen.isa import Opcode, Unit, Window


def _window(step: Step) -> Window:
    if step["window"] not in list(Window):
        raise step.error("window", f"is {step['window']}, but windows are 0 .. {max(Window).value}")
    return Window(step["window"])


def _check_alignment(shared: Shared, step: Step) -> None:
    bus = shared.architecture.bus_bytes
    word = min(bus, shared.architecture.rows)
    aligned = {"offset": bus, "segment_bytes": bus, "activation": word}
    if step.instruction.opcode is Opcode.STORE:
        step.require_positive("row_step")
        aligned |= {"row_step": bus, "segment_bytes": step["row_step"]}
    if step["segments"] > 1:
        aligned |= {"memory_step": bus, "activation_step": word}
    for name, unit in aligned.items():
        if step[name] % unit:
            raise step.error(name, f"is {step[name]}, but it must be a multiple of {unit} bytes")


def copy_segments(shared: Shared, step: Step) -> Iterator[None]:
    """Execute one LOAD (window to activation memory) or STORE (activation memory to window): one count.

    STORE sends zeros after the pixels of each row.
    """
    step.require_positive("segment_bytes", "segments")
    _check_alignment(shared, step)
    unit = Unit.LOAD if step.instruction.opcode is Opcode.LOAD else Unit.STORE
    window, length = _window(step), step["segment_bytes"]
    work = shared.clocks.work(unit, step)
    for segment in range(step["segments"]):
        offset = step["offset"] + segment * step["memory_step"]
        address = step["activation"] + segment * step["activation_step"] & ADDRESS_MASK
        addresses = address + np.arange(length) & ADDRESS_MASK
        if unit is Unit.LOAD:
            shared.activation.write(work, "activation", addresses, shared.windows.read(work, window, offset, length))
        else:
            is_pixel = np.arange(length) % step["row_step"] < step["row_bytes"]
            values = np.zeros(length, np.uint8)
            values[is_pixel] = shared.activation.read(work, "activation", addresses[is_pixel])
            shared.windows.write(work, window, offset, values)
    shared.clocks.complete(work)
    yield None


def _push(ring: Ring, items: NDArray[np.uint8], step: Step, field: str) -> Iterator[Blocked | None]:
    while len(items):
        while not ring.room:
            yield Blocked(step, field, f"all {ring.capacity} places of its ring hold items still needed")
        count = min(ring.room, len(items))
        ring.write(items[:count])
        items = items[count:]
        yield None


def stream_weights(shared: Shared, step: Step) -> Iterator[Blocked | None]:
    """Execute one WEIGHT: per column group its parameters into one ring, then its tiles into the other."""
    architecture = shared.architecture
    step.require_positive("n_columns", *(() if architecture.tables else ("n_tiles",)))
    if step["offset"] % architecture.bus_bytes:
        raise step.error("offset", f"is {step['offset']}, but it must be a multiple of {architecture.bus_bytes} bytes")
    parameter_bytes = architecture.columns * PARAMETER_BYTES
    column_bytes = parameter_bytes + step["n_tiles"] * architecture.tile_bytes
    total = step["n_columns"] * column_bytes
    stream = shared.windows.fetch(step, Window.WEIGHTS, step["offset"], total).reshape(-1, column_bytes)
    for column in stream:
        yield from _push(shared.parameters, column[None, :parameter_bytes], step, "n_columns")
        yield from _push(shared.tiles, column[parameter_bytes:].reshape(-1, architecture.tile_bytes), step, "n_tiles")
