"""Where a file of the RTL can be broken by changing one token: positions from Python's tree, text replaced in place.

Left out is what is no hardware: docstrings, annotations, imports, names, messages and the checks that raise them,
models of a unit in Python.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "|"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}
"""What is written, and what is written instead."""

MODELS = ("model", "round_shift")
"""Functions in plain Python that tests compare with."""

KINDS = ("operator", "literal", "bound", "condition", "negation", "arms", "statement", "reset")


@dataclass(frozen=True, order=True)
class Site:
    """A change of one place of a file.

    Attributes:
        file: Name in `tcugen/rtl`.
        start, end: Bytes of the file that are replaced.
        kind: Of KINDS.
        line: In which it begins, from 1.
        old, new: What is there, and what is put there.
    """

    file: str
    start: int
    end: int
    kind: str
    line: int
    old: str
    new: str

    def text(self) -> str:
        """For tables: `file:line: old -> new`, shortened."""
        return f"{self.file}:{self.line}: {_short(self.old)} -> {_short(self.new) or 'nothing'}"

    def changed(self, text: str) -> str:
        """The file with the change.

        Raises:
            ValueError: If what is to be replaced is not there.
        """
        content = text.encode()
        if content[self.start : self.end] != self.old.encode():
            raise ValueError(f"{self.file}:{self.line} does not hold {self.old!r}; draw the mutants of this version")
        return (content[: self.start] + self.new.encode() + content[self.end :]).decode()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."


def sites(file: str, text: str) -> list[Site]:
    """All changes of a file, in the order of its text."""
    finder = _Finder(file, text)
    finder.visit(ast.parse(text))
    return sorted(set(finder.found))


class _Finder(ast.NodeVisitor):
    """Collects the sites of one file."""

    def __init__(self, file: str, text: str):
        self._file, self._content = file, text.encode()
        self._lines = [0]
        for line in self._content.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._tokens = list(self._operator_tokens(text))
        self.found: list[Site] = []

    def _operator_tokens(self, text: str) -> Iterator[tuple[int, str]]:
        lines = text.splitlines()
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.OP:
                row, column = token.start
                yield self._lines[row - 1] + len(lines[row - 1][:column].encode()), token.string

    def _span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (
            self._lines[node.lineno - 1] + node.col_offset,
            self._lines[node.end_lineno - 1] + node.end_col_offset,
        )

    def _text(self, start: int, end: int) -> str:
        return self._content[start:end].decode()

    def _add(self, kind: str, start: int, end: int, new: str) -> None:
        line = self._content.count(b"\n", 0, start) + 1
        self.found.append(Site(self._file, start, end, kind, line, self._text(start, end), new))

    def _replace(self, kind: str, node: ast.expr, new: str) -> None:
        """`new` has braces where the node's text goes."""
        start, end = self._span(node)
        self._add(kind, start, end, new.format(self._text(start, end)))

    def _operator(self, left: ast.expr, operator: ast.AST, right: ast.expr) -> None:
        if type(operator) not in OPERATORS:
            return
        old, new = OPERATORS[type(operator)]
        begin, end = self._span(left)[1], self._span(right)[0]
        (at,) = [at for at, token in self._tokens if begin <= at < end and token == old]
        self._add("operator", at, at + len(old), new)

    def visit_Import(self, node: ast.Import) -> None:
        """Nothing in it."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Nothing in it."""

    def visit_Raise(self, node: ast.Raise) -> None:
        """Nothing in it."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Nothing in it."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Text."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Defaults and body, unless it is what tests compare with."""
        if node.name in MODELS:
            return
        for part in (*node.args.defaults, *(one for one in node.args.kw_defaults if one), *node.body):
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """The body."""
        for part in node.body:
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """What is assigned."""
        if node.value:
            self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        """Unless all that it does is to refuse."""
        if all(isinstance(one, ast.Raise) for one in node.body):
            for part in node.orelse:
                self.visit(part)
            return
        self._python_condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Its condition, and all that is in it."""
        self._python_condition(node.test)
        self.generic_visit(node)

    def _python_condition(self, test: ast.expr) -> None:
        if not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            self._replace("condition", test, "(not ({}))")

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """A negation dropped."""
        start, _ = self._span(node)
        if isinstance(node.op, ast.Invert):
            self._add("negation", start, start + 1, "")
        elif isinstance(node.op, ast.Not):
            self._add("negation", start, start + 3, "")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Another operator, unless it makes text."""
        parts = (node.left, node.right)
        if not any(isinstance(one, ast.Constant | ast.JoinedStr) and not _is_number(one) for one in parts):
            self._operator(node.left, node.op, node.right)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Another comparison."""
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            self._operator(left, operator, right)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Statements of hardware left out."""
        target = ast.unparse(node.target)
        if target.startswith("m.d"):
            self._statements(node.value)
        if not target.startswith("m.submodules"):
            self.visit(node.value)

    def _statements(self, value: ast.expr) -> None:
        if isinstance(value, ast.List) and len(value.elts) > 1:
            spans = [self._span(one) for one in value.elts]
            ends = [start for start, _ in spans[1:]]
            for (start, _), end in zip(spans, ends, strict=False):
                self._add("statement", start, end, "")
            self._add("statement", spans[-2][1], spans[-1][1], "")
        elif not isinstance(value, ast.ListComp):
            self._replace("statement", value, "[]")

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """A slice one longer or shorter."""
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper):
                if bound and not isinstance(bound, ast.Constant):
                    self._replace("bound", bound, "(({}) + 1)")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Conditions of hardware, arms of Mux, values after a reset."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("If", "Elif") and isinstance(node.func, ast.Attribute):
            inverted = isinstance(node.args[0], ast.UnaryOp) and isinstance(node.args[0].op, ast.Invert)
            if not inverted:
                self._replace("condition", node.args[0], "~({})")
        if name == "Mux" and len(node.args) == 3:  # not one whose arms are unpacked
            self._arms(node)
        if name == "Signal" and not {"init", "reset_less"} & {one.arg for one in node.keywords}:
            end = self._span(node)[1] - 1
            comma = ", " if node.args or node.keywords else ""
            if not self._content[:end].rstrip().endswith(b","):
                self._add("reset", end, end, f"{comma}init=1")
        self.visit(node.func)
        for part in node.args:
            self.visit(part)
        for keyword in node.keywords:
            if keyword.arg == "init" and not isinstance(keyword.value, ast.Constant):
                self._replace("reset", keyword.value, "(({}) - 1)")
            if keyword.arg != "name":
                self.visit(keyword.value)

    def _arms(self, node: ast.Call) -> None:
        (first, first_end), (second, second_end) = (self._span(one) for one in node.args[1:])
        middle = self._text(first_end, second)
        self._add("arms", first, second_end, self._text(second, second_end) + middle + self._text(first, first_end))

    def visit_Constant(self, node: ast.Constant) -> None:
        """A number one more or less."""
        if _is_number(node):
            value = int(ast.unparse(node), 0)
            self._replace("literal", node, str(value + 1))
            if value > 0:
                self._replace("literal", node, str(value - 1))


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int
