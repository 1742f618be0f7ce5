"""What components consist of once they are elaborated: Amaranth's fragments, which are private."""

# What is used of fragments, statements and memories begins with an underscore; `typings/` says what it is.
# pyright: reportPrivateUsage=false

from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from amaranth.hdl import ClockSignal, ResetSignal, Signal
from amaranth.hdl import Value as AmaranthValue
from amaranth.hdl._ir import Fragment, Instance, PortDirection
from amaranth.hdl._mem import MemoryInstance
from amaranth.lib.wiring import Component, In

from tcugen.verilog.keywords import KEYWORDS

if TYPE_CHECKING:
    from typing import Any

AnyComponent: TypeAlias = "Component[Any]"

Port = tuple[str, Signal, PortDirection]
"""Name, signal and direction."""


class _OfDomain(Protocol):
    """A clock or reset signal; the stubs of these two, which are final, leave its domain out."""

    domain: str


class HierarchyError(Exception):
    """A component that cannot be a module of its own."""


def component_of(fragment: Fragment) -> "AnyComponent | None":
    """The component that `fragment` was elaborated from, unless it is one of Amaranth's library."""
    for origin in fragment.origins or ():
        if isinstance(origin, Component):
            component = cast("AnyComponent", origin)
            if not type(component).__module__.startswith("amaranth."):
                return component
    return None


def ports_of(component: AnyComponent) -> list[Port]:
    """Members of the signature in order; empty ones are left out.

    Raises:
        HierarchyError: If two have the same joined name.
    """
    ports: list[Port] = []
    for path, member, value in component.signature.flatten(component):
        signal = AmaranthValue.cast(value)
        assert isinstance(signal, Signal)
        if len(signal):
            direction = PortDirection.Input if member.flow is In else PortDirection.Output
            name = "_".join(map(str, path))
            ports.append((f"{name}_" if name in KEYWORDS else name, signal, direction))
    names = [name for name, _, _ in ports]
    if len(set(names)) != len(names):
        raise HierarchyError(f"{type(component).__name__} has members that share a joined name: {', '.join(names)}")
    return ports


def rename(ports: list[Port], instance: str) -> None:
    """Give the signals of an instance the names that they have in its parent."""
    for port, signal, _ in ports:
        signal.name = f"{instance}_{port}"


def dissolve(fragment: Fragment, prefix: str, into: Fragment, renamed: set[int] | None = None) -> None:
    """Move statements of a foreign fragment and of all in it; its signals get the prefix of its name.

    Args:
        renamed: Numbers of the signals that have one already.
    """
    renamed = set[int]() if renamed is None else renamed
    signals: list[Signal] = []
    for domain, statements in fragment.statements.items():
        signals += (*statements._lhs_signals(), *statements._rhs_signals())
        into.add_statements(domain, statements)
    for inner, _, _ in fragment.subfragments:
        if isinstance(inner, MemoryInstance):
            for port in (*inner._read_ports, *inner._write_ports):
                for value in (port._addr, port._data, port._en):
                    signals += value._rhs_signals()
    for signal in signals:
        if signal.name and id(signal) not in renamed:
            signal.name = f"{prefix}_{signal.name}"
            renamed.add(id(signal))
    for inner, name, _ in fragment.subfragments:
        if type(inner) is Fragment and component_of(inner) is None:
            dissolve(inner, f"{prefix}_{name}", into, renamed)


def clocking(fragment: Fragment) -> tuple[list[str], bool]:
    """Clock domains that `fragment` uses, and whether anything in it is reset."""
    domains: dict[str, None] = {}
    has_reset = False
    for domain, statements in fragment.statements.items():
        if domain != "comb":
            domains[domain] = None
            has_reset |= any(not signal.reset_less for signal in statements._lhs_signals())
    for inner, _, _ in fragment.subfragments:
        if isinstance(inner, MemoryInstance):
            ports = (*inner._read_ports, *inner._write_ports)
            domains |= {port._domain: None for port in ports if port._domain != "comb"}
        elif isinstance(inner, Instance):
            for value, _ in inner.ports.values():
                if isinstance(value, (ClockSignal, ResetSignal)):
                    domains[cast("_OfDomain", value).domain] = None
                    has_reset |= isinstance(value, ResetSignal)
    return list(domains), has_reset
