"""A flat netlist as Verilog that OpenSTA reads: cells `cN`, nets `nN`, in the order of the netlist."""

from collections.abc import Iterable, Mapping

from tcugen.cells.cell_library import HELD_PIN, Cells
from tcugen.cells.flat import Flat, FlatCell, Net

DESIGN = "machine"
CONSTANTS = {"0": "low", "1": "high"}
"""Inputs of `opened` that stand for constants."""


def cell_name(index: int) -> str:
    """Of `Flat.cells[index]`."""
    return f"c{index}"


def net_name(net: int) -> str:
    """Of a net, and of the port of the same name."""
    return f"n{net}"


def held_name(index: int) -> str:
    """Of the port that the output of flip-flop `Flat.cells[index]` drives in `opened`."""
    return f"q{index}"


def whole(flat: Flat) -> str:
    """The netlist as it is."""
    inputs = [flat.clock, *flat.inputs]
    constants = {"0": "1'b0", "1": "1'b1"}
    return _verilog(flat, map(net_name, inputs), map(net_name, flat.outputs), {}, constants)


def opened(flat: Flat, library: Cells) -> str:
    """The netlist with its loops open: what a flip-flop drives comes from outside, as an input of the net's name, and
    the flip-flop's own output goes to the port `held_name`.

    OpenSTA takes the activity that is set at an output of a flip-flop for its power, but does not propagate it; that of
    an input it does. Constants are the inputs of CONSTANTS: report_power of 2.0.17 crashes on others.
    """
    held = {index: cell.pins[HELD_PIN] for index, cell in enumerate(flat.cells) if _holds(cell, library)}
    nets = {net for net in held.values() if isinstance(net, int)}
    inputs = [flat.clock, *flat.inputs, *sorted(nets - set(flat.inputs))]
    outputs = [net for net in flat.outputs if net not in nets]
    names = [*map(net_name, outputs), *map(held_name, held)]
    ins = [*map(net_name, inputs), *CONSTANTS.values()]
    return _verilog(flat, ins, names, {index: held_name(index) for index in held}, CONSTANTS)


def load_pf(flat: Flat, library: Cells) -> dict[int, float]:
    """Picofarads of the pins that hang on each net, of those that have any."""
    loads: dict[int, float] = {}
    for cell in flat.cells:
        drives = flat.outputs_of[cell.kind]
        for pin, net in cell.pins.items():
            if pin not in drives and isinstance(net, int):
                loads[net] = loads.get(net, 0.0) + library.cells[cell.kind].capacitances_pf.get(pin, 0.0)
    return loads


def holding(flat: Flat, library: Cells) -> dict[int, int]:
    """Net that each flip-flop drives, by its index in `Flat.cells`; without those that drive nothing."""
    found: dict[int, int] = {}
    for index, cell in enumerate(flat.cells):
        if _holds(cell, library):
            net = cell.pins[HELD_PIN]
            assert isinstance(net, int), "a flip-flop drives no constant"
            found[index] = net
    return found


def _holds(cell: FlatCell, library: Cells) -> bool:
    return library.cells[cell.kind].flip_flop and HELD_PIN in cell.pins


def _verilog(
    flat: Flat,
    inputs: Iterable[str],
    outputs: Iterable[str],
    held: Mapping[int, str],
    constants: Mapping[str, str],
) -> str:
    """Cells with ports; what flip-flops of `held` drive has the name there."""
    ins, outs = list(inputs), list(outputs)
    lines = [f"module {DESIGN} (", ",\n".join([*ins, *outs]), ");"]
    lines += [f"input {name};" for name in ins]
    lines += [f"output {name};" for name in outs]
    ports = {*ins, *outs}
    nets = {net for cell in flat.cells for net in cell.pins.values() if isinstance(net, int)}
    lines += [f"wire {net_name(net)};" for net in sorted(nets) if net_name(net) not in ports]

    def name(index: int, pin: str, net: Net) -> str:
        if pin == HELD_PIN and index in held:
            return held[index]
        return net_name(net) if isinstance(net, int) else constants[net]

    for index, cell in enumerate(flat.cells):
        pins = ", ".join(f".{pin}({name(index, pin, net)})" for pin, net in cell.pins.items())
        lines.append(f"{cell.kind} {cell_name(index)} ({pins});")
    return "\n".join([*lines, "endmodule", ""])
