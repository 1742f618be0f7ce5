"""`tcu.json`: the tables of `tcu.h` for programs that are not in C."""

from typing import Any

from tcugen.driver.errors import results
from tcugen.isa import INSTRUCTION_SET
from tcugen.program import Program
from tcugen.registers import (
    ADDRESS_BITS,
    IDENTIFICATION,
    REGISTERS,
    ControlBit,
    StatusBit,
    WindowFlaw,
    counter_names,
    layer_counter_names,
)


def tables(program: Program) -> dict[str, Any]:
    """Registers, bits, error codes and the machine's fingerprint, for JSON."""
    return {
        "format": 1,
        "identification": IDENTIFICATION,
        "architecture": program.architecture.fingerprint,
        "instruction_set": INSTRUCTION_SET,
        "bus_address_bits": program.architecture.bus_address_bits,
        "register_bytes": 1 << ADDRESS_BITS,
        "registers": {register.name: register.address for register in REGISTERS},
        "control_bits": {bit.name: bit.value for bit in ControlBit},
        "status_bits": {bit.name: bit.value for bit in StatusBit},
        "window_flaws": {flaw.name: flaw.value for flaw in WindowFlaw},
        "results": {str(value): text for value, text in results(program.architecture.parity).values()},
        "counters": list(counter_names()),
        "layer_counters": list(layer_counter_names()),
    }
