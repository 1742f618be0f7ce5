"""The independent checker: does a program compute its network, whatever the image?"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.certify.certificate import Certificate
from tcugen.certify.drain import Drains
from tcugen.certify.errors import NotCertified
from tcugen.certify.execution import Execution
from tcugen.certify.files import Port, ProgramFiles
from tcugen.certify.memory import ActivationMemory, Windows
from tcugen.certify.moved import moved_channels
from tcugen.certify.symbols import NOBODYS, UNWRITTEN, Numbering, Symbols
from tcugen.isa import Window
from tcugen.model.quantized import QuantizedNetwork

_TENSORS: tuple[Window, ...] = (Window.INPUT, Window.OUTPUT, Window.SCRATCH)
"""Windows that hold tensors, in the order of `ProgramFiles.sizes`."""


def certify(model: QuantizedNetwork, architecture: Architecture, files: ProgramFiles) -> Certificate:
    """Prove that a program computes a network on a machine, for every image.

    Args:
        model: The network and its integers.
        architecture: Of the machine.
        files: Of the program, and nothing else of it.

    Raises:
        NotCertified: If it cannot be proved; the message says at which instruction, and what is wrong or not known.
    """
    network = model.network
    int32 = {name for name, quantization in model.tensors.items() if quantization is None}
    numbering = Numbering(network, int32, moved_channels(model))
    sizes = dict(zip(_TENSORS, files.sizes, strict=True))
    windows, memory = Windows(architecture, sizes), ActivationMemory(architecture)
    _check_ports(files.inputs, [name for name, _ in network.inputs], numbering, set(), "inputs")
    _check_ports(files.outputs, list(network.outputs), numbering, int32, "outputs")
    # What the host leaves between elements of inputs is no element.
    windows.symbols[Window.INPUT][:] = NOBODYS
    if architecture.depthwise:
        windows.symbols[Window.WEIGHTS] = numbering.weights(files.weights.size)
    for port in files.inputs:
        _place(windows.symbols[Window.INPUT], port, numbering)
    drains = Drains(model, architecture, numbering, memory, files.weights)
    execution = Execution(files, model, architecture, numbering, drains, windows, memory)
    execution.run()
    for port in files.outputs:
        _check_output(windows.symbols[Window.OUTPUT], port, numbering)
    return Certificate.of(
        model,
        architecture,
        files,
        {
            "instructions": len(files.instructions),
            "elements": numbering.count,
            "output_elements": sum(numbering.size(port.tensor) for port in files.outputs),
            "tiles": drains.tiles,
            "products": drains.products + execution.products,
            "weight_bytes": int(files.weights.size),
            "ordered_accesses": memory.log.pairs,
        },
    )


def _check_ports(
    ports: tuple[Port, ...], tensors: list[str], numbering: Numbering, int32: Collection[str], what: str
) -> None:
    if [port.tensor for port in ports] != tensors:
        raise NotCertified(f"program.json: {what} are {[port.tensor for port in ports]}, the network's are {tensors}")
    for port in ports:
        if port.shape != numbering.shapes[port.tensor] or port.int32 != (port.tensor in int32):
            raise NotCertified(f"program.json: {port.tensor!r} is laid out as another shape than the network's")


def _elements(port: Port, numbering: Numbering) -> Symbols:
    c, y, x = np.ogrid[: port.shape.channels, : port.shape.height, : port.shape.width]
    elements = numbering.elements(port.tensor, c, y, x)
    if not port.int32:
        return elements
    return elements + np.arange(4, dtype=np.int32)[:, None, None, None] * np.int32(numbering.size(port.tensor))


def _addresses(symbols: Symbols, port: Port) -> NDArray[np.int64]:
    addresses = port.addresses()
    if int(addresses.max()) >= len(symbols):
        raise NotCertified(f"program.json: {port.tensor!r} does not fit its window of {len(symbols)} bytes")
    return addresses


def _place(symbols: Symbols, port: Port, numbering: Numbering) -> None:
    addresses, elements = _addresses(symbols, port), _elements(port, numbering)
    if (symbols[addresses] != NOBODYS).any():
        raise NotCertified(f"program.json: {port.tensor!r} overlaps another input")
    symbols[addresses] = elements
    if (symbols[addresses] != elements).any():
        raise NotCertified(f"program.json: elements of {port.tensor!r} share a byte")


def _check_output(symbols: Symbols, port: Port, numbering: Numbering) -> None:
    found, expected = symbols[_addresses(symbols, port)], _elements(port, numbering)
    if (found != expected).any():
        wrong = found != expected
        raise NotCertified(
            f"output {port.tensor!r}: {int(wrong.sum()):,} bytes are not its elements; where "
            f"{numbering.describe(int(expected[wrong][0]))} should be is {numbering.describe(int(found[wrong][0]))}"
        )
    if (symbols[port.offset : port.offset + port.bytes] == UNWRITTEN).any():
        raise NotCertified(f"output {port.tensor!r}: some of its bytes are never stored")
