"""The headers generated from the contracts."""

import re

from tcugen.arch import Architecture
from tcugen.isa import Window
from tcugen.registers import IDENTIFICATION, REGISTERS, Stall
from tcugen.simulator.headers import counter_names, layer_counter_names, machine_header, registers_header


def test_every_register_has_its_address():
    text = registers_header()
    found = {name: int(value, 16) for name, value in re.findall(r"constexpr uint32_t ([A-Z_]+) = (0x[0-9a-f]+);", text)}
    assert found == {register.name: register.address for register in REGISTERS}
    assert f"kIdentification = 0x{IDENTIFICATION:08x};" in text


def test_counters_are_those_of_the_table():
    stalls = [f"STALL_{stall.name}" for stall in Stall]
    assert list(counter_names()) == ["CYCLES", "BUSY", *stalls, "BYTES_READ", "BYTES_WRITTEN"]
    assert list(layer_counter_names()) == ["BUSY", *stalls]


def test_only_output_and_scratch_are_writable():
    rows = re.findall(r'\{"([A-Z]+)", [^}]*, (true|false)\}', registers_header())
    assert [name for name, _ in rows] == [window.name for window in Window]
    assert [name for name, writable in rows if writable == "true"] == ["OUTPUT", "SCRATCH"]


def test_sizes_follow_the_architecture():
    text = machine_header(Architecture(rows=32, columns=16, output_lanes=2, bus_bytes=64))
    assert "kBusBytes = 64;" in text
    assert "kRows = 32;" in text
    assert "kOutputLanes = 2;" in text
