"""docs/operators.md names everything that importers and layer configs know."""

from pathlib import Path

import pytest

from tests.modules import module_at

ROOT = Path(__file__).parents[2]
operator_page = module_at(ROOT / "docs" / "operator_page.py")

PAGE = (ROOT / "docs" / "operators.md").read_text()


def test_every_operator_of_a_network_has_cases_and_a_section():
    assert set(operator_page.CASES) == set(operator_page.OPERATORS.values())
    assert [op for op in operator_page.OPERATORS if f"## {op}\n" not in PAGE] == []
    assert set(operator_page.ONNX) == set(operator_page.TORCH) == set(operator_page.OPERATORS)


@pytest.mark.parametrize(
    "named, nothing, known",
    [
        (operator_page.ONNX, operator_page.NO_ONNX, operator_page.ONNX_OPERATORS),
        (operator_page.TORCH, operator_page.NO_TORCH, operator_page.TORCH_OPERATORS),
    ],
    ids=["ONNX", "PyTorch"],
)
def test_every_operator_of_an_importer_is_named(named, nothing, known):
    makes = {name for names in named.values() for name in names}
    assert makes & set(nothing) == set()
    assert makes | set(nothing) == set(known)
    assert [name for name in known if f"`{name}`" not in PAGE] == []


def test_a_fused_operator_costs_nothing_and_its_hardware_is_named():
    lines = {line.split("`")[1]: line for line in PAGE.splitlines() if line.startswith("| [`")}
    assert "| 0 / " in lines["add"] and "| 0 / " in lines["table"]
    assert "`tables`" in lines["table"] and "`multiply`" in lines["multiply"]
    assert "the pool unit" in lines["max_pool"] and "the array" in lines["conv"]
