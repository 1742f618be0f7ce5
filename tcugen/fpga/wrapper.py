"""A wrapper of four pins around the machine, which has more ports than packages have pins.

Inputs come out of a shift register through a register of their own, outputs go into one and from there into a shift
register: both sides of every port are registers, so the whole machine is in the timing, and nothing of it is removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TOP = "tcu_placed"
MACHINE = "machine"
CLOCK = "aclk"
PINS = (CLOCK, "serial_in", "load", "serial_out")
"""Ports of the wrapper."""


@dataclass(frozen=True)
class Port:
    """A port of the machine."""

    name: str
    direction: str
    width: int


def wrapper(module: str, ports: Sequence[Port]) -> str:
    """Verilog of the wrapper around `module`, which it declares as a black box.

    Raises:
        ValueError: If the module has no clock `aclk`, no further input or no output.
    """
    inputs = [port for port in ports if port.direction == "input" and port.name != CLOCK]
    outputs = [port for port in ports if port.direction == "output"]
    if not inputs or not outputs or not any(port.name == CLOCK for port in ports):
        raise ValueError(f"module {module} has ports {[port.name for port in ports]}, but needs {CLOCK} and both ways")
    declared = ",\n".join(f"    {port.direction} wire {_range(port.width)}{port.name}" for port in ports)
    connections = [f".{CLOCK}({CLOCK})", *_slices(inputs, "steady"), *_slices(outputs, "result")]
    wide_in, wide_out = (sum(port.width for port in side) for side in (inputs, outputs))
    instance = ",\n        ".join(connections)
    return f"""\
(* blackbox *)
module {module} (
{declared}
);
endmodule

module {TOP} (
    input  wire aclk,
    input  wire serial_in,
    input  wire load,
    output reg  serial_out
);
    reg  [{wide_in - 1}:0] shifted, steady;
    wire [{wide_out - 1}:0] result;
    reg  [{wide_out - 1}:0] held, leaving;
    reg  loading;
    always @(posedge aclk) begin
        loading    <= load;
        shifted    <= {{shifted, serial_in}};
        if (loading) steady <= shifted;
        held       <= result;
        leaving    <= loading ? held : leaving >> 1;
        serial_out <= leaving[0];
    end
    {module} {MACHINE} (
        {instance}
    );
endmodule
"""


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def _slices(ports: Sequence[Port], vector: str) -> list[str]:
    """Each port's connection to its bits of a vector."""
    found: list[str] = []
    at = 0
    for port in ports:
        found.append(f".{port.name}({vector}[{at} +: {port.width}])")
        at += port.width
    return found
