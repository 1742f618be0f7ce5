"""The netlist: nets are numbers, 0 and 1 the constants, others (cell << 16) + bit; a value is a tuple of nets."""

import enum
from collections.abc import Iterator
from typing import Generic, TypeVar

from amaranth.hdl import Const, Signal

_T = TypeVar("_T")

class _BySignal(Generic[_T]):
    """What Amaranth calls SignalDict; its own stubs say neither key nor value."""

    def __iter__(self) -> Iterator[Signal]: ...
    def __getitem__(self, key: Signal) -> _T: ...

class ModuleNetFlow(enum.Enum):
    Output = "output"

class Net(int): ...
class Value(tuple[Net, ...]): ...

class SignalField:
    value: Value
    enum_name: str | None
    enum_variants: dict[int, str] | None

class Cell: ...

class Top(Cell):
    ports_o: dict[str, Value]
    ports_i: dict[str, tuple[int, int]]

class Operator(Cell):
    operator: str
    inputs: tuple[Value, ...]
    @property
    def width(self) -> int: ...

class Part(Cell):
    value: Value
    value_signed: bool
    offset: Value
    width: int
    stride: int

class Matches(Cell):
    value: Value
    patterns: tuple[str, ...]

class PriorityMatch(Cell):
    en: Net
    inputs: Value

class Assignment:
    cond: Net
    start: int
    value: Value

class AssignmentList(Cell):
    default: Value
    assignments: tuple[Assignment, ...]

class FlipFlop(Cell):
    data: Value
    init: int
    clk: Net
    clk_edge: str
    arst: Net

class Memory(Cell):
    width: int
    depth: int
    init: tuple[int, ...]
    name: str

class SyncWritePort(Cell):
    memory: int
    data: Value
    addr: Value
    en: Value
    clk: Net
    clk_edge: str

class AsyncReadPort(Cell):
    memory: int
    width: int
    addr: Value

class SyncReadPort(Cell):
    memory: int
    width: int
    addr: Value
    en: Net
    clk: Net
    clk_edge: str
    transparent_for: tuple[int, ...]

class Instance(Cell):
    type: str
    name: str
    parameters: dict[str, int | str | Const]
    ports_i: dict[str, Value]
    ports_o: dict[str, tuple[int, int]]

class Module:
    signal_names: _BySignal[str]

class Netlist:
    modules: list[Module]
    cells: list[Cell]
    signals: _BySignal[Value]
    signal_fields: _BySignal[dict[tuple[str | int, ...], SignalField]]
    @property
    def top(self) -> Top: ...
