"""Parameters of hardware that most machines do not have."""

import pytest

from tcugen.arch import OPTIONAL, Architecture, ArchitectureError
from tcugen.isa import Opcode, hardware_layout, layout


@pytest.mark.parametrize("rows, lanes", [(4, 3), (4, 8), (8, -1), (16, 1), (32, 2), (32, 64)])
def test_lanes_of_depthwise_convolutions_that_cannot_be_built(rows, lanes):
    fewest = max(1, rows // 8)
    message = f"depthwise is {lanes}, but it must be 0, or a power of two between {fewest} and {rows} lanes"
    with pytest.raises(ArchitectureError, match=message):
        Architecture(rows=rows, output_lanes=1, depthwise=lanes)


@pytest.mark.parametrize("rows, lanes", [(4, 1), (4, 4), (16, 2), (16, 4), (32, 4), (32, 32)])
def test_lanes_that_can(rows, lanes):
    architecture = Architecture(rows=rows, output_lanes=1, depthwise=lanes)
    assert Architecture.from_dict(architecture.to_dict()) == architecture
    assert architecture.options == {"depthwise"}
    assert architecture.depthwise_multipliers == 3 * rows
    assert architecture.fingerprint != Architecture(rows=rows, output_lanes=1).fingerprint


def test_what_is_absent_is_left_out_of_files_and_fingerprint():
    architecture = Architecture()
    assert not OPTIONAL & set(architecture.to_dict())
    assert not architecture.options
    assert architecture.depthwise_multipliers == 0
    assert architecture.fingerprint == 0x8AC09E60, "machines of earlier versions would not be known again"


def test_fields_of_an_option_are_the_last_of_their_part():
    for opcode in Opcode:
        without, everything = hardware_layout(opcode, frozenset()), layout(opcode)
        optional = [name for name, placed in everything.items() if placed.field.option]
        assert all(everything[name].field.option in OPTIONAL for name in optional)
        assert [name for name in everything if name not in optional] == list(without)
        for part in (range(256), range(256, 512)):
            ends = [p.offset + p.field.bits for p in without.values() if p.offset in part]
            assert all(everything[name].offset >= max(ends) for name in optional if everything[name].offset in part)
    assert len(hardware_layout(Opcode.POOL, frozenset({"depthwise"}))) == len(layout(Opcode.POOL))
