"""The table of parts, and parts of the user's own."""

import json

import pytest

from tcugen.fpga.errors import PartError
from tcugen.fpga.part import Part
from tcugen.fpga.table import EXAMPLE, family_of, find_part, parts

WANTED = """ECP5-25F ECP5-45F ECP5-85F iCE40UP5K XC7Z010 XC7Z020 XC7A35T XC7A100T XCZU3EG XCZU7EV XCK26 GW2A-18
CrossLink-NX-40 CertusPro-NX-100 GateMate-A1""".split()


def test_the_table_has_the_parts():
    names = [part.name for part in parts()]
    assert set(WANTED) <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.name)
def test_a_part_has_a_family_and_documents(part):
    family = family_of(part)
    assert part.source and family.source
    assert bool(part.dsps) == (family.dsp is not None) == (family.dsp_operands is not None)
    assert bool(family.ultra_ram) == bool(family.ultra_ram_shapes)
    assert part.ultra_rams == 0 or family.ultra_ram
    assert all(board.source for board in part.boards)


def test_shapes_of_a_block_hold_at_most_its_bits_and_at_least_eight_tenths():
    for part in parts():
        family = family_of(part)
        assert all(
            8 / 10 * family.bram_bits <= width * depth <= family.bram_bits for width, depth in family.bram_shapes
        )


KIB = {"ECP5-85F": 468, "XC7Z020": 630, "XCZU7EV": 1404, "GW2A-18": 103.5, "GateMate-A1": 160, "XC7A35T": 225}
"""Block RAM as the data sheets give it in all: 3,744 Kb, 4.9 Mb, 11 Mb, 828 Kb, 1,280 Kb, 1,800 Kb."""


@pytest.mark.parametrize("name, kib", KIB.items())
def test_block_ram_adds_up_to_what_the_data_sheet_says_of_all(name, kib):
    part = find_part(name)
    assert part.brams * family_of(part).bram_bits == kib * 8192


def test_capitals_do_not_matter():
    assert find_part("xc7z020") is find_part("XC7Z020")


def test_a_part_of_ones_own(tmp_path):
    (tmp_path / "my.json").write_text(EXAMPLE)
    part = find_part(str(tmp_path / "my.json"))
    assert part == Part(name="mine", family="xc7", luts=53200, flip_flops=106400, dsps=220, brams=140, source="me")


BAD = {
    "misspelt": ("ECP5-85", None, "'ECP5-85' is no known part; did you mean 'ECP5-85F'"),
    "unlike any": ("Stratix", None, "known are ECP5-25F, .*--part my.json"),
    "no file": ("nowhere.json", None, "nowhere.json: cannot be read .No such file"),
    "not text": ("my.json", b"\xff\xfe", "it is no text"),
    "not JSON": ("my.json", b"{", "not JSON"),
    "missing key": ("my.json", {"luts": None}, "luts is missing; write for example"),
    "foreign key": ("my.json", {"lut": 4}, "lut is no key of a part; the keys are name, family"),
    "text for a number": ("my.json", {"luts": "many"}, "luts is 'many', but it should be a valid integer"),
    "below zero": ("my.json", {"dsps": -1}, "dsps is -1, but it should be greater than or equal to 0"),
    "unknown family": ("my.json", {"family": "max10"}, "family is 'max10', but it must be one of ecp5"),
    "a list": ("my.json", b"[]", "the file is"),
}


@pytest.mark.parametrize("text, content, message", BAD.values(), ids=BAD)
def test_what_is_no_part_is_refused(tmp_path, monkeypatch, text, content, message):
    monkeypatch.chdir(tmp_path)
    if isinstance(content, dict):
        values = json.loads(EXAMPLE) | content
        content = json.dumps({key: value for key, value in values.items() if value is not None}).encode()
    if content is not None:
        (tmp_path / "my.json").write_bytes(content)
    with pytest.raises(PartError, match=message):
        find_part(text)
