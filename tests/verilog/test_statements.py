# amaranth: UnusedElaboratable=no
"""How conditions, cases and assignments read."""

from amaranth.hdl import Cat, Mux
from amaranth.lib import data, enum
from amaranth.lib.wiring import In, Out

from tests.verilog.printed import printed


def test_registers_of_one_condition_share_a_block_and_it_reads_as_its_source():
    def build(m, ports):
        with m.If(ports.load):
            m.d.sync += [ports.count.eq(ports.start), ports.busy.eq(1)]
        with m.Elif(ports.step):
            m.d.sync += ports.count.eq(ports.count - 1)

    members = {"load": In(1), "step": In(1), "start": In(4), "count": Out(4), "busy": Out(1)}
    assert printed(members, build) == [
        "always @(posedge clk) begin",
        "if (rst) begin",
        "count <= 4'h0;",
        "busy <= 1'h0;",
        "end else if (load) begin",
        "count <= start;",
        "busy <= 1'h1;",
        "end else if (step) count <= count - 4'h1;",
        "end",
    ]


def test_conditions_under_which_nothing_is_done_are_no_empty_branches():
    def build(m, ports):
        with m.If(ports.a):
            m.d.sync += ports.x.eq(1)
        with m.Elif(ports.b):
            m.d.sync += ports.y.eq(ports.data)

    members = {"a": In(1), "b": In(1), "data": In(4), "x": Out(1), "y": Out(4)}
    lines = printed(members | {"y": Out(4)}, build)
    assert "end else if (a) x <= 1'h1;" in lines and "else if (b) y <= data;" in lines

    def only_the_last(m, ports):
        with m.If(ports.a):
            pass
        with m.Elif(ports.b == 3):
            pass
        with m.Elif(ports.c):
            m.d.sync += ports.y.eq(ports.data)

    members = {"a": In(1), "b": In(2), "c": In(1), "data": In(4), "y": Out(4)}
    assert "else if (!a && (b != 2'h3) && c) y <= data;" in printed(members, only_the_last)


def test_states_have_names():
    def build(m, ports):
        with m.FSM(name="phase"):
            with m.State("IDLE"), m.If(ports.start):
                m.next = "BUSY"
            with m.State("BUSY"):
                m.d.comb += ports.busy.eq(1)
                with m.If(ports.stop):
                    m.next = "LAST"
            with m.State("LAST"):
                m.next = "IDLE"

    lines = printed({"start": In(1), "stop": In(1), "busy": Out(1)}, build)
    assert lines[:2] == ["localparam PHASE_IDLE = 2'h0;", "localparam PHASE_BUSY = 2'h1;"]
    assert "assign busy = phase_state == PHASE_BUSY;" in lines
    assert "if (start) phase_state <= PHASE_BUSY;" in lines


class Kind(enum.Enum, shape=4):
    """Some numbers of four bits."""

    READ = 2
    WRITE = 5


def test_members_of_structures_and_numbers_of_enumerations_have_names():
    layout = data.StructLayout({"kind": Kind, "address": 7})

    def build(m, ports):
        with m.If(ports.i.kind == Kind.WRITE):
            m.d.sync += ports.o.eq(ports.i.address + 1)

    assert printed({"i": In(layout), "o": Out(7)}, build) == [
        "localparam KIND_WRITE = 4'h5;",
        "wire [3:0] i_kind = i[3:0];",
        "wire [6:0] i_address = i[10:4];",
        "always @(posedge clk) begin",
        "if (rst) o <= 7'h0;",
        "else if (i_kind == KIND_WRITE) o <= i_address + 7'h1;",
        "end",
    ]


def test_a_case_of_one_label_is_a_condition_and_one_of_many_values_a_case():
    def build(m, ports):
        with m.Switch(ports.place), m.Case(3):
            m.d.sync += ports.one.eq(ports.data)
        with m.Switch(ports.place):
            with m.Case(1):
                m.d.sync += ports.two.eq(ports.data)
            with m.Case(2, 5):
                m.d.sync += ports.two.eq(0)

    members = {"place": In(3), "data": In(4), "one": Out(4), "two": Out(4)}
    lines = printed(members, build)
    assert "else if (place == 3'h3) one <= data;" in lines
    start = lines.index("case (place)")
    assert lines[start : start + 5] == [
        "case (place)",
        "3'h1: two <= data;",
        "3'h2, 3'h5: two <= 4'h0;",
        "default: ;",
        "endcase",
    ]


def test_an_assignment_to_the_part_that_a_number_chooses_is_one_line():
    def build(m, ports):
        with m.If(ports.en):
            m.d.sync += [
                ports.bits.bit_select(ports.place, 1).eq(1),
                ports.words.word_select(ports.place, 4).eq(ports.data),
            ]

    members = {"en": In(1), "place": In(2), "data": In(4), "bits": Out(4), "words": Out(16)}
    lines = printed(members, build)
    assert "bits[place] <= 1'h1;" in lines
    assert "words[place * 4 +: 4] <= data;" in lines


def test_a_part_beyond_the_end_is_left_to_a_case():
    def build(m, ports):
        with m.If(ports.en):
            m.d.sync += ports.words.word_select(ports.place, 4).eq(ports.data)

    lines = printed({"en": In(1), "place": In(2), "data": In(4), "words": Out(10)}, build)
    assert "case (place)" in lines


def test_what_is_written_often_gets_a_name():
    def build(m, ports):
        total = ports.a + ports.b + ports.c
        m.d.comb += [ports.x.eq(total ^ 3), ports.y.eq(Mux(ports.s, total, 0)), ports.z.eq(Cat(ports.s, ports.a))]

    members = {"a": In(4), "b": In(4), "c": In(4), "s": In(1), "x": Out(6), "y": Out(6), "z": Out(5)}
    lines = printed(members, build)
    assert lines == [
        "wire [5:0] x_sum = a + b + c;",
        "assign x = x_sum ^ 6'h3;",
        "assign y = s ? x_sum : 6'h0;",
        "assign z = {a, s};",
    ]
