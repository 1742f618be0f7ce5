"""The wrapper's text: every port on registers, each bit once."""

import re

import pytest

from tcugen.fpga.wrapper import Port, wrapper

PORTS = [Port("aclk", "input", 1), Port("a", "input", 3), Port("b", "input", 1), Port("q", "output", 2)]


def test_every_bit_has_its_register():
    text = wrapper("m", PORTS)
    assert re.findall(r"\.(\w+)\(([^)]*)\)", text) == [
        ("aclk", "aclk"),
        ("a", "steady[0 +: 3]"),
        ("b", "steady[3 +: 1]"),
        ("q", "result[0 +: 2]"),
    ]
    assert "reg  [3:0] shifted, steady;" in text and "wire [1:0] result;" in text
    assert "(* blackbox *)\nmodule m (\n    input wire aclk,\n    input wire [2:0] a,\n" in text


@pytest.mark.parametrize("ports", [PORTS[1:], PORTS[:3], [PORTS[0], PORTS[3]]])
def test_what_cannot_be_wrapped(ports):
    with pytest.raises(ValueError, match="module m has ports"):
        wrapper("m", ports)
