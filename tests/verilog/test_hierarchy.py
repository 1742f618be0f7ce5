# amaranth: UnusedElaboratable=no
import re
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, DomainRenamer, Module, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out

from tcugen.rtl.sram import VERILOG_MODULE, VERILOG_PORTS, Sram
from tcugen.verilog.convert import convert
from tcugen.verilog.fragments import HierarchyError
from tcugen.verilog.hierarchy import modules


class Platform:
    sram_instances = True


class Parent(Component):
    """A top with two clock domains around named children in a chain."""

    clock: Signal
    i: Signal
    o: Signal

    def __init__(self, children: dict[str, Any], width: int = 8, leak=None):
        self.children, self.leak = children, leak
        super().__init__({"clock": In(1), "i": In(width), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        for name in ("sync", "core"):
            domain = ClockDomain(name)
            m.domains += domain
            m.d.comb += domain.clk.eq(self.clock)  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
        value = self.i
        for number, (name, child) in enumerate(self.children.items()):
            m.submodules[name] = DomainRenamer("core")(child) if number % 2 else child
            m.d.comb += child.i.eq(value)
            value = child.o
        m.d.comb += self.o.eq(value if self.leak is None else self.leak)
        return m


class Delay(Component):
    """One register, with or without a reset; `step` tells bodies apart.

    Parameters:
        step: What is settled in a module is not said of it.
    """

    i: Signal
    o: Signal

    def __init__(self, step: int = 1, reset_less: bool = False, width: int = 8):
        self.step = step
        self.inner = Signal(width, name="inner", reset_less=reset_less)
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.inner.eq(self.i + self.step)
        m.d.comb += self.o.eq(self.inner)
        return m


class Wire(Component):
    """No clock."""

    i: Signal
    o: Signal

    def __init__(self):
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(~self.i)
        return m


class Nested(Component):
    """Nested members, an array, an empty member, a word of Verilog, a foreign FIFO and a memory inside."""

    i: Signal
    o: Signal
    release: Signal

    def __init__(self):
        super().__init__(
            {
                "i": In(8),
                "o": Out(8),
                "request": Out(stream.Signature(3)).array(2),
                "nothing": In(range(1)),
                "release": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = SyncFIFO(width=8, depth=4)
        m.submodules.memory = memory = Sram(8, 64)
        m.d.comb += [
            queue.w_data.eq(self.i),
            queue.w_en.eq(1),
            queue.r_en.eq(self.release),
            memory.read_en.eq(1),
            memory.read_addr.eq(queue.r_data),
            self.o.eq(memory.read_data),
        ]
        return m


def built(children, **arguments):
    foreign: dict[str, tuple[str, ...]] = {VERILOG_MODULE: VERILOG_PORTS}
    return {module.name: module for module in modules(Parent(children, **arguments), Platform(), foreign)}


def test_a_component_gets_the_ports_of_its_signature():
    found = built({"delay": Delay()})
    assert list(found) == ["tcu_delay", "tcu_parent"]
    assert found["tcu_delay"].ports == ("clk", "rst", "i", "o")
    assert found["tcu_parent"].ports == ("clock", "i", "o")
    assert found["tcu_delay"].doc.startswith("One register")


def test_unneeded_clocks_and_resets_are_left_out():
    found = built({"data": Delay(reset_less=True), "wire": Wire()})
    assert found["tcu_delay"].ports == ("clk", "i", "o")
    assert found["tcu_wire"].ports == ("i", "o")


def test_equal_components_share_a_module_in_whatever_domain_they_are():
    found = built({"a": Delay(), "b": Delay(), "c": Delay()})
    assert list(found) == ["tcu_delay", "tcu_parent"]
    assert re.findall(r"tcu_delay (\w+) \(", found["tcu_parent"].text) == ["u_a", "u_b", "u_c"]


def test_different_bodies_of_a_class_are_named_by_their_instance():
    assert list(built({"a": Delay(1), "b": Delay(2), "c": Delay(1)})) == ["tcu_delay_a", "tcu_delay_b", "tcu_parent"]


def test_nested_members_join_and_foreign_fragments_dissolve():
    found = built({"nested": Nested()})
    assert list(found) == ["tcu_nested", "tcu_parent"]
    streams = [f"request_{n}_{part}" for n in range(2) for part in ("payload", "valid", "ready")]
    assert found["tcu_nested"].ports == ("clk", "rst", "i", "o", *streams, "release_")
    assert re.findall(rf"{VERILOG_MODULE} #\([^;]*\) (\w+) \(", found["tcu_nested"].text) == ["u_memory"]
    assert "queue_level" in found["tcu_nested"].text


def test_the_verilog_connects_by_name_and_in_order():
    text = convert(Parent({"delay": Delay()}), Platform(), {VERILOG_MODULE: VERILOG_PORTS})
    assert "// One register, with or without a reset; `step` tells bodies apart.\nmodule tcu_delay (\n" in text
    assert re.search(r"tcu_delay u_delay \(\n +\.clk\(clock\), \.rst\(.*\), \.i\(i\), \.o\(o\)\n", text)


def test_a_signal_of_another_component_is_refused():
    delay = Delay()
    with pytest.raises(HierarchyError, match="signal inner is used in delay and in the top, but it is no member"):
        built({"delay": delay}, leak=delay.inner)


def test_two_clock_domains_in_a_component_are_refused():
    class Mixed(Wire):
        def elaborate(self, platform):
            m = Module()
            held = Signal(8)
            m.d.core += held.eq(self.i)
            m.d.sync += self.o.eq(held)
            return m

    with pytest.raises(HierarchyError, match="mixed uses clock domains core, sync, but it may use only one"):
        built({"mixed": Mixed()})


def test_members_that_would_share_a_name_are_refused():
    class Clash(Component):
        i: Signal
        o: Signal

        def __init__(self):
            super().__init__({"i": In(8), "o": Out(8), "s": Out(stream.Signature(1)), "s_valid": In(1)})

        def elaborate(self, platform):
            m = Module()
            m.d.comb += self.o.eq(self.i)
            return m

    with pytest.raises(HierarchyError, match="Clash has members that share a joined name: i, o, s_payload"):
        built({"clash": Clash()})
