# amaranth: UnusedElaboratable=no
"""A module as a whole: what is declared, in which order, and memories and instances in it."""

from amaranth.hdl import Const, Instance, Module, Signal, signed
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from tcugen.verilog.convert import convert
from tests.verilog.printed import printed


def test_wires_stand_where_they_are_defined_and_registers_in_front():
    def build(m, ports):
        held = Signal(4)
        wanted = Signal(4)
        m.d.comb += [ports.o.eq(wanted | held), wanted.eq(ports.i ^ 5)]
        m.d.sync += held.eq(wanted)

    assert printed({"i": In(4), "o": Out(4)}, build) == [
        "reg [3:0] held;",
        "wire [3:0] wanted = i ^ 4'h5;",
        "assign o = wanted | held;",
        "always @(posedge clk) begin",
        "if (rst) held <= 4'h0;",
        "else held <= wanted;",
        "end",
    ]


def test_a_memory_and_its_contents():
    def build(m, ports):
        m.submodules.table = table = Memory(shape=4, depth=4, init=[1, 2])
        write, read = table.write_port(granularity=2), table.read_port()
        m.d.comb += [
            *(write.addr.eq(ports.place), write.data.eq(ports.i), write.en.eq(ports.en)),
            *(read.addr.eq(ports.place), read.en.eq(1), ports.o.eq(read.data)),
        ]

    lines = printed({"place": In(2), "i": In(4), "en": In(2), "o": Out(4)}, build)
    assert "reg [3:0] table_ [0:3];" in lines
    assert "table_[0] = 4'h1;" in lines and "table_[2] = 4'h0;" in lines
    assert "if (en[0]) table_[place][1:0] <= i[1:0];" in lines
    assert "if (en[1]) table_[place][3:2] <= i[3:2];" in lines
    assert "always @(posedge clk) o <= table_[place];" in lines


def test_signed_numbers_are_compared_and_extended_as_such():
    def build(m, ports):
        m.d.comb += [
            ports.less.eq(ports.a < ports.b),
            ports.sum.eq(ports.a + ports.b),
            ports.low.eq(ports.a > Const(-8, 4)),
        ]

    members = {"a": In(signed(4)), "b": In(signed(6)), "less": Out(1), "sum": Out(signed(7)), "low": Out(1)}
    assert printed(members, build) == [
        "assign less = $signed(a) < $signed(b);",
        "assign sum = $signed(a) + $signed(b);",
        "assign low = $signed(a) > -5'sd8;",
    ]


class Foreign(Component):
    """Holds a module that is written by hand."""

    i: Signal
    o: Signal

    def __init__(self):
        super().__init__({"i": In(4), "o": Out(4)})

    def elaborate(self, platform):
        m = Module()
        unread = Signal(2)
        m.submodules.other = Instance(
            "by_hand", p_WIDTH=4, i_i=~self.i, o_o=self.o, o_unread=unread, i_enable=self.i[0]
        )
        return m


def test_instances_connect_in_the_order_of_their_ports_and_leave_open_what_nobody_reads():
    class Around(Component):
        i: Signal
        o: Signal

        def __init__(self):
            super().__init__({"i": In(4), "o": Out(4)})

        def elaborate(self, platform):
            m = Module()
            m.submodules.foreign = foreign = Foreign()
            m.d.comb += [foreign.i.eq(self.i), self.o.eq(foreign.o)]
            return m

    text = convert(Around(), None, {"by_hand": ("enable", "i", "o", "unread")})
    lines = [line.strip() for line in text[text.index("    by_hand") :].splitlines()]
    assert lines == [
        "by_hand #(.WIDTH(4)) u_foreign (",
        ".enable(i[0]), .i(~i), .o(o), .unread()",
        ");",
        "endmodule",
    ]
