"""The C++ headers that tie the harness to the contracts: registers and the sizes of one architecture.

Generated when the simulator is built, so that no offset or width is written a second time in C++.
"""

from tcugen.arch import Architecture
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.registers import (
    BY_NAME,
    IDENTIFICATION,
    REGISTERS,
    ControlBit,
    StatusBit,
    counter_names,
    layer_counter_names,
)

CONTROL_START = 1 << ControlBit.START
CONTROL_SOFT_RESET = 1 << ControlBit.SOFT_RESET
CONTROL_CLEAR_INTERRUPT = 1 << ControlBit.CLEAR_INTERRUPT
STATUS_BUSY = 1 << StatusBit.BUSY
STATUS_DONE = 1 << StatusBit.DONE
STATUS_ERROR = 1 << StatusBit.ERROR

_LAYER_PREFIX = "LAYER_"


def registers_header() -> str:
    """Text of registers.h."""

    def address(name: str) -> str:
        return f"0x{BY_NAME[name].address:03x}"

    lines = ["// Generated from tcugen/registers.py.", "", "#pragma once", "", "#include <cstdint>", ""]
    lines += ["namespace reg {"]
    lines += [f"constexpr uint32_t {register.name} = 0x{register.address:03x};" for register in REGISTERS]
    lines += ["}  // namespace reg", ""]
    lines += [f"constexpr uint32_t kIdentification = 0x{IDENTIFICATION:08x};"]
    lines += [f"constexpr uint32_t kControlStart = {CONTROL_START};"]
    lines += [f"constexpr uint32_t kControlSoftReset = {CONTROL_SOFT_RESET};"]
    lines += [f"constexpr uint32_t kControlClearInterrupt = {CONTROL_CLEAR_INTERRUPT};"]
    lines += [f"constexpr uint32_t kStatusBusy = {STATUS_BUSY};"]
    lines += [f"constexpr uint32_t kStatusDone = {STATUS_DONE};"]
    lines += [f"constexpr uint32_t kStatusError = {STATUS_ERROR};", ""]
    lines += ["struct WindowRegisters {", "    const char* name;", "    uint32_t base_low, base_high, size;"]
    lines += ["    bool writable;", "};", "constexpr WindowRegisters kWindows[] = {"]
    for window in Window:
        addresses = ", ".join(address(f"{window.name}_{part}") for part in ("BASE_LOW", "BASE_HIGH", "SIZE"))
        lines += [f'    {{"{window.name}", {addresses}, {str(window in WRITABLE_WINDOWS).lower()}}},']
    lines += ["};", "", "struct CounterRegisters {", "    const char* name;", "    uint32_t low, high;", "};"]
    lines += ["constexpr CounterRegisters kCounters[] = {"]
    lines += [f'    {{"{n}", {address(f"{n}_LOW")}, {address(f"{n}_HIGH")}}},' for n in counter_names()]
    lines += ["};", "", "struct LayerCounterRegister {", "    const char* name;", "    uint32_t address;", "};"]
    lines += ["constexpr LayerCounterRegister kLayerCounters[] = {"]
    lines += [f'    {{"{name}", {address(_LAYER_PREFIX + name)}}},' for name in layer_counter_names()]
    lines += ["};", ""]
    return "\n".join(lines)


def machine_header(architecture: Architecture) -> str:
    """Text of machine.h: the sizes that the harness's types depend on."""
    sizes = {
        "kBusBytes": architecture.bus_bytes,
        "kRows": architecture.rows,
        "kOutputLanes": architecture.output_lanes,
    }
    lines = ["// Generated from the architecture.", "", "#pragma once", ""]
    lines += [f"constexpr int {name} = {value};" for name, value in sizes.items()]
    return "\n".join(lines) + "\n"
