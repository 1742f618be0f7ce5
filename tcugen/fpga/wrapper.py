"""A few pins around a whole machine, so that it can be placed: the machine has more ports than a package has pins.

Every input comes from a register that a shift register fills, every output goes to a register that a shift register
empties: all paths of the machine start and end in registers and count for the clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MODULE = "wrapper"
INSTANCE = "machine"
CLOCK = "aclk"
PINS = ("clk", "data_in", "load", "data_out")
"""Pins of the wrapper: clock, one bit in, when to take over, one bit out."""


@dataclass(frozen=True)
class Port:
    """A port of the machine."""

    name: str
    is_input: bool
    bits: int


def wrapper_verilog(module: str, ports: Iterable[Port]) -> str:
    """Verilog-2001 of the wrapper around `module`, and of `module` as a black box.

    Raises:
        ValueError: If the module has no input besides the clock, or no output.
    """
    ports = tuple(ports)
    inputs = [port for port in ports if port.is_input and port.name != CLOCK]
    outputs = [port for port in ports if not port.is_input]
    bits_in, bits_out = (sum(port.bits for port in side) for side in (inputs, outputs))
    if not bits_in or not bits_out:
        raise ValueError(f"{module} has {bits_in} bits in and {bits_out} bits out; there must be some of each")
    black_box = ", ".join(
        f"{'input' if port.is_input else 'output'} wire [{port.bits - 1}:0] {port.name}" for port in ports
    )
    connections = [f".{CLOCK}(clk)", *_connections(inputs, "applied"), *_connections(outputs, "result")]
    return f"""(* blackbox *)
module {module} ({black_box});
endmodule

module {MODULE} (input wire clk, input wire data_in, input wire load, output reg data_out);
    reg taken;
    reg [{bits_in - 1}:0] arriving;
    reg [{bits_in - 1}:0] applied;
    wire [{bits_out - 1}:0] result;
    reg [{bits_out - 1}:0] held;
    reg [{bits_out - 1}:0] leaving;
    always @(posedge clk) begin
        taken <= load;
        arriving <= {{arriving, data_in}};
        if (taken) applied <= arriving;
        held <= result;
        leaving <= taken ? held : {{1'b0, leaving}} >> 1;
        data_out <= leaving[0];
    end
    {module} {INSTANCE} (
        {("," + chr(10) + "        ").join(connections)}
    );
endmodule
"""


def _connections(ports: Iterable[Port], vector: str) -> list[str]:
    connections: list[str] = []
    at = 0
    for port in ports:
        connections.append(f".{port.name}({vector}[{at + port.bits - 1}:{at}])")
        at += port.bits
    return connections
