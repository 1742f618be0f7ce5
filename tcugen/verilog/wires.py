"""One module as RTLIL, its wires named so that the Verilog can be read.

Uses Amaranth's netlist and RTLIL writer, which are private; the version is pinned. See `hierarchy.py`.
"""

# Fragments, designs and netlists of Amaranth are private: its stubs leave their members out.
# pyright: basic, reportAttributeAccessIssue=false

from amaranth.back import rtlil
from amaranth.hdl import Instance, _nir
from amaranth.hdl._ast import SignalDict, SignalSet
from amaranth.hdl._ir import Design, build_netlist


def module_rtlil(design: Design) -> str:
    """RTLIL of the only module of `design`, which holds no fragments but memories and instances.

    A wire is named by what drives it: a port, an output of an instance, else the first signal. Signals that are only
    another name of it, or a constant, vanish; so does a signal that is a slice, unless it is the low part of a
    sum that has no name, which then gets it. What a register `x` takes over at the next clock edge is `x_next`.
    """
    netlist = build_netlist(design)
    (module,) = netlist.modules
    # Without fields: each would be a wire that nothing reads.
    netlist.signal_fields = SignalDict(
        (signal, {(): _nir.SignalField(value, signed=signal.shape().signed)})
        for signal, value in netlist.signals.items()
    )
    outputs = SignalSet(
        signal
        for instance, _, _ in design.fragment.subfragments
        if isinstance(instance, Instance)
        for signal, kind in instance.ports.values()
        if kind == "o"
    )

    def rank(item) -> int:
        signal, name = item
        return 0 if name in module.ports else 1 if signal in outputs else 2

    module.signal_names = SignalDict(sorted(module.signal_names.items(), key=rank))
    builder = rtlil.Design(emit_src=False)
    module_builder = builder.module(module.name[0])
    _ModuleEmitter(module_builder, netlist, module, SignalDict(), rtlil.EmptyModuleChecker(netlist)).emit()
    return str(builder)


class _ModuleEmitter(rtlil.ModuleEmitter):
    """Amaranth's RTLIL writer with fewer and better names."""

    def assign_value_names(self):
        super().assign_value_names()
        self._given_names = {}  # value without a signal of its own -> name
        taken = set(self.module.signal_names.values()) | set(self.module.ports)
        taken |= {getattr(self.netlist.cells[index], "name", None) for index in self.module.cells}
        for index in self.module.cells:
            cell = self.netlist.cells[index]
            if isinstance(cell, _nir.FlipFlop):
                name = self.value_names.get(_output(index, len(cell.data)))
                if name and f"{name}_next" not in taken:
                    self._given_names.setdefault(cell.data, f"{name}_next")
        self._name_sums()

    def _name_sums(self) -> None:
        """Give results of operations the name of the signal that is their low part, in place of the signal."""
        for signal, name in list(self.module.signal_names.items()):
            value = self.netlist.signals[signal]
            if name in self.module.ports or not value or not value[0].is_cell or value[0].bit:
                continue
            index = value[0].cell
            cell = self.netlist.cells[index]
            if not isinstance(cell, _nir.Operator) or value != _output(index, len(value)) or len(value) == cell.width:
                continue
            whole = _output(index, cell.width)
            if whole not in self.value_names and whole not in self._given_names:
                self._given_names[whole] = name
                del self.module.signal_names[signal]
                del self.value_names[value]

    def emit_driven_wire(self, value):
        if value in self.value_names or value not in self._given_names:
            return super().emit_driven_wire(value)
        wire = self.builder.wire(len(value), name=self._given_names[value], attrs=self.value_attrs.get(value, {}))
        for bit, net in enumerate(value):
            self.nets[net] = (wire, bit)
        return wire

    def emit_connects(self):
        for name, (wire, value) in self.sigport_wires.items():
            if name in self.driven_sigports:
                continue
            if name in self.module.ports:
                self.builder.connect(wire.name, self.sigspec(value))
            else:
                del self.builder.contents[wire.name]


def _output(cell: int, width: int) -> _nir.Value:
    return _nir.Value(_nir.Net.from_cell(cell, bit) for bit in range(width))
