"""Memories as fragments."""

from collections.abc import Collection

from amaranth.hdl import Signal

from ._ir import Fragment

class _Value:
    def _rhs_signals(self) -> Collection[Signal]: ...

class _Port:
    _domain: str
    _addr: _Value
    _data: _Value
    _en: _Value

class MemoryInstance(Fragment):
    _read_ports: list[_Port]
    _write_ports: list[_Port]
