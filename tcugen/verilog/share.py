"""Operations that compute the same of the same become one."""

from tcugen.verilog.netlist import Cell, Net, Netlist, Operator, Part, output


def share(netlist: Netlist) -> None:
    """Keep the first of equal operations; what reads another one reads it instead. Registers stay apart."""
    while True:
        first: dict[Cell, int] = {}
        replaced: dict[Net, Net] = {}
        for index, cell in list(netlist.cells.items()):
            if not isinstance(cell, (Operator, Part)):
                continue
            kept = first.setdefault(cell, index)
            if kept != index:
                replaced.update(zip(output(index, cell.width), output(kept, cell.width), strict=True))
                del netlist.cells[index]
        if not replaced:
            return
        netlist.replace(replaced)
