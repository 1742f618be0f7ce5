"""Fragments: what components and modules elaborate to, and what netlists are made of."""

import enum
from collections.abc import Collection, Iterable, Sequence

from amaranth.hdl import Signal, Value

from . import _nir
from ._cd import ClockDomain

class PortDirection(enum.Enum):
    Input = ...
    Output = ...

class _Statements:
    def _lhs_signals(self) -> Collection[Signal]: ...
    def _rhs_signals(self) -> Collection[Signal]: ...

class Fragment:
    src_loc: object
    origins: tuple[object, ...] | None
    domains: dict[str, ClockDomain]
    statements: dict[str, _Statements]
    subfragments: list[tuple[Fragment, str, object]]
    @staticmethod
    def get(obj: object, platform: object) -> Fragment: ...
    def __init__(self, *, src_loc: object = ...) -> None: ...
    def add_domains(self, *domains: ClockDomain | Iterable[ClockDomain]) -> None: ...
    def add_statements(self, domain: str, *statements: _Statements) -> None: ...
    def add_subfragment(self, subfragment: Fragment, name: str) -> None: ...
    def prepare(self, ports: Sequence[tuple[str, Signal, PortDirection]], *, hierarchy: tuple[str, ...]) -> Design: ...

class RequirePosedge(Fragment): ...

class Instance(Fragment):
    ports: dict[str, tuple[Value, str]]
    def __init__(self, type: str, *connections: tuple[str, str, Value]) -> None: ...

class DesignFragmentInfo:
    used_signals: Collection[Signal]

class Design:
    fragment: Fragment
    fragments: dict[Fragment, DesignFragmentInfo]

def build_netlist(fragment: Design) -> _nir.Netlist: ...
