"""The table of parts, how a part is named, and the user's own part."""

import json
import re
from pathlib import Path

import pytest

from tcugen.fpga.errors import PartError
from tcugen.fpga.families import FAMILIES
from tcugen.fpga.parts import Part, bundled_parts, find_part

OWN = {"name": "mine", "family": "ecp5", "luts": 1000, "flip_flops": 900, "multipliers": 8, "block_rams": 7}
PAGE = Path(__file__).parents[2] / "docs" / "fpga.md"


@pytest.fixture
def own(tmp_path):
    def write(data):
        path = tmp_path / "mine.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return str(path)

    return write


def test_names_and_aliases_name_one_part_each():
    names = [name.lower() for part in bundled_parts() for name in (part.name, *part.aliases)]
    assert len(names) > 20
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("part", bundled_parts(), ids=lambda part: part.name)
def test_every_figure_has_its_source(part):
    assert re.search(r"\d", part.source) and re.search(r"\d", part.kind.source)
    assert [board.name for board in part.boards if not board.source] == []
    assert part.luts > 0 and part.flip_flops > 0
    assert (part.multipliers > 0) == (part.kind.multiplier is not None)


@pytest.mark.parametrize(
    "name,kib", [("ecp5-85", 468), ("xc7z020", 630), ("xczu7ev", 1404), ("gw2a-18", 103.5), ("gatemate-a1", 160)]
)
def test_block_ram_adds_up_to_what_data_sheets_say_of_all(name, kib):
    """3,744 Kb, 4.9 Mb, 11.0 Mb, 828 Kb, 1,280 Kb."""
    part = find_part(name)
    assert part.kind.block_ram is not None
    assert part.block_rams * part.kind.block_ram.bits == kib * 8192


def test_what_was_not_compared_with_a_tool_is_named():
    assert [part.name for part in bundled_parts() if not part.checked] == ["LFCPNX-100"]
    assert "LFCPNX-100 and the" in PAGE.read_text()


@pytest.mark.parametrize("name", FAMILIES)
def test_shapes_of_a_block_ram_hold_no_more_bits_than_it_has(name):
    block = FAMILIES[name].block_ram
    assert block is not None
    sizes = [width * depth for width, depth in block.shapes]
    assert max(sizes) == block.bits
    assert list(block.shapes) == sorted(block.shapes)


def test_the_page_has_every_family():
    table = PAGE.read_text()
    for name, family in FAMILIES.items():
        assert f"| `{name}` | {family.lut} |" in table
        assert family.block_ram is None or f"| {family.block_ram.kind}, " in table


def test_the_page_s_own_part_is_one(own):
    text = re.search(r"```json\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert text is not None
    assert find_part(own(text[1])).luts == 43848


@pytest.mark.parametrize("name", ["XC7Z020", "xc7z020", "Zynq-7020"])
def test_case_does_not_matter(name):
    part = find_part(name)
    assert (part.name, part.luts, part.multipliers, part.block_rams) == ("XC7Z020", 53200, 220, 140)


def test_a_part_of_one_s_own(own):
    part = find_part(own(OWN))
    assert part == Part(**OWN)
    assert (part.ultra_rams, part.place, part.memory_gb_per_s) == (0, (), None)


def test_the_fastest_board_counts():
    assert find_part("XC7Z020").memory_gb_per_s == 4.264


@pytest.mark.parametrize(
    "name,message",
    [
        ("xc7z02", "xc7z02: no such part; did you mean XC7Z020"),
        ("zzz", "zzz: no such part; `tcugen parts` lists all"),
        ("", ": no such part; "),
        ("nowhere.json", "nowhere.json: cannot be read"),
    ],
)
def test_what_is_no_part(name, message):
    with pytest.raises(PartError, match=re.escape(message)):
        find_part(name)


@pytest.mark.parametrize(
    "data,message",
    [
        ("{", "not JSON"),
        ([], "the part is []: input should be a valid dictionary"),
        (OWN | {"family": "virtex"}, "family is 'virtex': input should be 'ecp5'"),
        (OWN | {"luts": -1}, "luts is -1: input should be greater than or equal to 0"),
        (OWN | {"luts": True}, "luts is True: input should be a valid integer"),
        (OWN | {"luts": 1.5}, "luts is 1.5: input should be a valid integer"),
        (OWN | {"lut": 4}, "lut is 4: no key of a part"),
        ({key: value for key, value in OWN.items() if key != "luts"}, "luts: field required"),
        (OWN | {"boards": [{"name": "b"}]}, "boards.0.memory: field required"),
    ],
)
def test_a_wrong_part_of_one_s_own(own, data, message):
    with pytest.raises(PartError, match=re.escape(message)):
        find_part(own(data))
