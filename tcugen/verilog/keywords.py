"""Words that are no names in Verilog, SystemVerilog or Verilog-AMS: what is written here reads in all of them."""

import re

KEYWORDS = frozenset(
    """
    above abs absdelay absdelta abstol accept_on ac_stim acos acosh alias aliasparam always always_comb always_ff
    always_latch analog analysis and asin asinh assert assign assume atan atan2 atanh automatic before begin bind bins
    binsof bit branch break buf bufif0 bufif1 byte case casex casez ceil cell chandle checker class clocking cmos config
    connect connectmodule connectrules const constraint context continue continuous cos cosh cover covergroup coverpoint
    cross ddt ddt_nature ddx deassign default define defparam design disable discipline discrete dist do domain driver
    driver_update edge else end endcase endchecker endclass endclocking endconfig endconnectrules enddiscipline
    endfunction endgenerate endgroup endinterface endmodule endnature endpackage endparamset endprimitive endprogram
    endproperty endspecify endsequence endtable endtask enum event eventually exclude exp expect export extends extern
    final final_step first_match flicker_noise floor flow for force foreach forever fork forkjoin from function generate
    genvar global ground highz0 highz1 hypot idt idt_nature idtmod if iff ifnone ignore_bins illegal_bins implements
    implies import incdir include inf infinite initial initial_step inout input inside instance int integer interconnect
    interface intersect join join_any join_none laplace_nd laplace_np laplace_zd laplace_zp large last_crossing let
    liblist library limexp ln local localparam log logic longint macromodule matches max medium merged min modport
    module nand nature negedge net_resolution nettype new nexttime nmos noise_table noise_table_log nor
    noshowcancelled not notif0 notif1 null or output package packed parameter paramset pmos posedge potential pow
    primitive priority program property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent
    pure rand randc randcase randsequence rcmos real realtime ref reg reject_on release repeat resolveto restrict return
    rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence
    shortint shortreal showcancelled signed sin sinh slew small soft solve specify specparam split sqrt static string
    strong strong0 strong1 struct super supply0 supply1 sync_accept_on sync_reject_on table tagged tan tanh task this
    throughout time timeprecision timer timeunit tran tranif0 tranif1 transition tri tri0 tri1 triand trior trireg type
    typedef union unique unique0 units unsigned until until_with untyped use uwire var vectored virtual void wait
    wait_order wand weak weak0 weak1 while white_noise wildcard wire with within wone wor wreal xnor xor zi_nd zi_np
    zi_zd zi_zp
    """.split()
)


def plain(name: str) -> str:
    """`name` as an identifier: letters, digits and single underscores, no keyword; a keyword gets an underscore."""
    text = "".join(character if character.isalnum() else "_" for character in name)
    while "__" in text:
        text = text.replace("__", "_")
    text = text.strip("_") or "value"
    if text[0].isdigit():
        text = f"value_{text}"
    return f"{text}_" if text in KEYWORDS else text


def snake_case(name: str) -> str:
    """The name of a class, such as `ErrorCode`, as `error_code`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Namespace:
    """Names of one module, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, wanted: str) -> str:
        """`wanted` as an identifier; with a number after it if that is taken."""
        name = base = plain(wanted)
        number = 2
        while name in self._taken:
            name = f"{base}_{number}"
            number += 1
        self._taken.add(name)
        return name

    def reserve(self, name: str) -> str:
        """Take exactly `name`."""
        if name in self._taken:
            raise ValueError(f"the name {name} is taken, but a port needs it; rename the other one")
        self._taken.add(name)
        return name
