"""Outputs in memory compared with outputs as they were written on chip."""

from collections.abc import Mapping

import numpy as np

from tcugen.isa import Opcode, Window
from tcugen.program import Port, Program
from tcugen.trace.difference import Difference, Kind


def store_difference(
    program: Program, written: Mapping[str, np.ndarray], stored: Mapping[str, np.ndarray], image: int
) -> Difference | None:
    """The first element of an output that is not in memory as it was written on chip.

    Args:
        written, stored: int8 or int32 [C, H, W] by tensor name.
        image: Number to put into the difference.
    """
    layer_of = {layer.tensor: number for number, layer in enumerate(program.layers)}
    for port in program.outputs:
        expected, found = written[port.tensor], stored[port.tensor]
        wrong = np.argwhere(expected != found)
        if wrong.size:
            channel, row, column = (int(index) for index in wrong[0])
            element = channel, row, column
            offset = port.offset + _byte_of(port, element)
            number = layer_of[port.tensor]
            return Difference(
                kind=Kind.STORE,
                image=image,
                layer=number,
                nodes=program.layers[number].nodes,
                tensor=port.tensor,
                element=element,
                golden=int(expected[element]),
                rtl=int(found[element]),
                instruction=_store_of(program, offset),
                expected_address=offset,
            )
    return None


def _byte_of(port: Port, element: tuple[int, int, int]) -> int:
    layout = port.layout
    channel, row, column = element
    block, within = divmod(channel, layout.word)
    return block * layout.plane_bytes + row * layout.row_bytes + column * layout.pixel_bytes + within


def _store_of(program: Program, offset: int) -> int | None:
    """Index of the STORE that writes byte `offset` of window OUTPUT, the last of several."""
    found = None
    for index, instruction in enumerate(program.instructions):
        if instruction.opcode == Opcode.STORE and instruction["window"] == Window.OUTPUT:
            starts = instruction["offset"] + np.arange(instruction["segments"]) * instruction["memory_step"]
            if ((starts <= offset) & (offset < starts + instruction["segment_bytes"])).any():
                found = index
    return found
