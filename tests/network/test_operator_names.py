"""Operators are told apart by their classes: only what reads and writes files compares their names."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcugen.network.schema import OPERATORS

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("tcugen", "sim", "docs", "examples") for path in (ROOT / folder).rglob("*.py"))

READERS = {
    "tcugen/network/schema.py": "layer configs",
    "tcugen/evaluate/litert.py": ".tflite files, whose operators have names of their own",
    "tcugen/onnx/importer": "ONNX files, whose operators have names of their own",
    "tcugen/partition/file_graph.py": "ONNX files",
    "tcugen/quantize/affine.py": "PyTorch's operators, which have names of their own",
    "tcugen/quantize/functions.py": "the same",
    "tcugen/quantize/from_onnx": "ONNX files",
    "tcugen/quantize/export.py": "torch.export, whose nodes have an `op` too",
    "tcugen/report/shapes_report.py": "the JSON of `tcugen shapes`",
    "tcugen/tflite": ".tflite files",
}
"""Files and folders that may compare names, and whose."""


def compared_names(tree: ast.AST) -> Iterator[int]:
    """Lines that compare, match or look up the name of an operator."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                found = any(_is_name(part) for side in (left, *others) for part in _parts(side))
            case ast.MatchValue(value=value):
                found = _is_name(value)
            case ast.Match(subject=value) | ast.Subscript(slice=value) | ast.Call(func=ast.Attribute(value=value)):
                found = _is_op(value)
            case _:
                continue
        # A table's `get` takes the name as its argument.
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            found = found or any(map(_is_op, node.args))
        if found:
            yield node.lineno


def _parts(side: ast.expr) -> list[ast.expr]:
    """The items of a tuple, list or set; else the expression itself."""
    return side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]


def _is_name(part: ast.expr) -> bool:
    return (isinstance(part, ast.Constant) and part.value in OPERATORS) or _is_op(part)


def _is_op(part: ast.expr) -> bool:
    return isinstance(part, ast.Attribute) and part.attr == "op"


@pytest.mark.parametrize(
    "text",
    [
        'x.op == "conv"',
        'x.op in ("conv", "linear")',
        '"add" != kind',
        "x.op not in KINDS",
        "TABLE[x.op](x)",
        'x.op.startswith("co")',
        'match kind:\n    case "requantise" | "add":\n        pass',
        "TABLE.get(x.op)",
    ],
)
def test_the_search_finds(text):
    assert list(compared_names(ast.parse(text)))


@pytest.mark.parametrize(
    "text", ['row = {"op": x.op}', "print(x.op)", 'model.integers["conv"]', "match x:\n    case Conv():\n        pass"]
)
def test_the_search_passes(text):
    assert not list(compared_names(ast.parse(text)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_compares_the_name_of_an_operator(path):
    if any(path.is_relative_to(ROOT / reader) for reader in READERS):
        return
    lines = list(compared_names(ast.parse(path.read_text())))
    assert not lines, f"{path.relative_to(ROOT)}, lines {lines}: match on the operator's class instead"


def test_every_reader_is_there():
    assert [reader for reader in READERS if not (ROOT / reader).exists()] == []
