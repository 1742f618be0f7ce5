"""Module boundaries of the emitted Verilog: every component becomes a module with the ports of its signature.

Amaranth converts a whole hierarchy at once and then drops, renames and reorders the ports of everything but the top.
So each component is converted by itself, with its own signature as its ports, and stands in its parent as an instance.
Amaranth 0.5 has no public way to do that: `Fragment` and what it consists of are private, and used here and in
`fragments.py` only, as its netlist is in `amaranth_netlist.py`; the version is pinned.
"""

import inspect
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from amaranth.hdl import ClockSignal, ResetSignal, Signal
from amaranth.hdl import Value as AmaranthValue
from amaranth.hdl._cd import ClockDomain
from amaranth.hdl._ir import Design, Fragment, Instance, PortDirection, RequirePosedge, build_netlist
from amaranth.hdl._mem import MemoryInstance

from tcugen.verilog.amaranth_netlist import AmaranthNetlist, read
from tcugen.verilog.fragments import (
    AnyComponent,
    HierarchyError,
    Port,
    clocking,
    component_of,
    dissolve,
    ports_of,
    rename,
)
from tcugen.verilog.keywords import snake_case
from tcugen.verilog.module import write_module
from tcugen.verilog.netlist import Value, cell_of
from tcugen.verilog.simplify import simplify

PREFIX = "tcu_"
_BODY = "body%{}%"
"""Name of a module until all are known; not a legal name, so that it cannot be mistaken for anything else."""


@dataclass(frozen=True)
class VerilogModule:
    """One module.

    Attributes:
        name: `tcu_` and the class of the component; where one class has several bodies, the place of the first use.
        doc: Docstring of the component's class.
        ports: Names of all ports in order.
        text: Its definition; modules it instantiates are named as in the other entries.
        wires: Internal names, and what they stand for in `source`; those of operations that are not in it are left out.
        source: The netlist that the definition was made from.
        children: Names of instantiated modules, by their names in `source`.
    """

    name: str
    doc: str
    ports: tuple[str, ...]
    text: str
    wires: dict[str, Value]
    source: AmaranthNetlist
    children: dict[str, str]


@dataclass
class _Body:
    component: AnyComponent
    path: tuple[str, ...]
    ports: tuple[str, ...]
    text: str
    wires: dict[str, Value]
    source: AmaranthNetlist


@dataclass
class _Child:
    """A component inside another: the instance that stands for it needs these."""

    body: int
    ports: list[Port]
    domain: str | None
    has_reset: bool


def modules(top: AnyComponent, platform: object, foreign: dict[str, tuple[str, ...]]) -> list[VerilogModule]:
    """All modules of `top`, which is elaborated for `platform`; children before parents, `top` last.

    `top` defines its clock domains itself. Below it, every component uses at most one domain and gets the ports `clk`
    and, if it has anything to reset, `rst`; further ports are the members of its signature in order, nested names
    joined by `_`. Components with the same body share a module. What is no component, or comes
    with Amaranth as its FIFOs and memories do, dissolves in the component around it.

    Args:
        foreign: Ports, in order, of modules that are instantiated but written by hand.

    Raises:
        HierarchyError: If a component uses a signal of another one that is not a member of its signature, if two
            clock domains meet in a component, or if two members have the same joined name.
    """
    builder = _Builder(foreign)
    builder.top(Fragment.get(top, platform), top)
    return builder.modules()


def _without_parameters(text: str) -> str:
    """A docstring without what it says of parameters, which are settled in the module."""
    return "\n\n".join(part for part in text.split("\n\n") if not part.startswith("Parameters:"))


class _Builder:
    def __init__(self, foreign: dict[str, tuple[str, ...]]):
        self._ports_of = dict(foreign)
        self._bodies: dict[str, _Body] = {}
        self._owners: dict[int, tuple[Signal, tuple[str, ...]]] = {}  # component that a signal is private to

    def top(self, fragment: Fragment, top: AnyComponent) -> None:
        fragment = self._isolate(fragment, ())
        self._convert(fragment, top, (), ports_of(top), ())

    def modules(self) -> list[VerilogModule]:
        names = self._names()

        def resolve(match: re.Match[str]) -> str:
            return names[int(match[1])]

        pattern = re.compile(_BODY.format(r"(\d+)"))
        return [
            VerilogModule(
                names[index],
                _without_parameters(inspect.getdoc(type(body.component)) or ""),
                body.ports,
                pattern.sub(resolve, body.text),
                body.wires,
                body.source,
                {_BODY.format(number): name for number, name in enumerate(names)},
            )
            for index, body in enumerate(self._bodies.values())
        ]

    def _names(self) -> list[str]:
        """By class; if that has several bodies, by class and instance; if those differ too, with the parent between."""
        bodies = list(self._bodies.values())
        choices = [
            ["_".join((snake_case(type(body.component).__name__), *body.path[len(body.path) - n :])) for n in range(3)]
            for body in bodies
        ]
        counts = Counter(name for mine in choices for name in dict.fromkeys(mine))
        names = [PREFIX + next((name for name in mine if counts[name] == 1), mine[-1]) for mine in choices]
        if len(set(names)) != len(names):
            raise HierarchyError(f"two modules would have one name: {', '.join(sorted(names))}; rename a submodule")
        return names

    def _child(self, fragment: Fragment, component: AnyComponent, path: tuple[str, ...]) -> _Child:
        """Convert a component below the top, its children first."""
        fragment = self._isolate(fragment, path)
        domains, has_reset = clocking(fragment)
        if len(domains) > 1:
            raise HierarchyError(f"{'.'.join(path)} uses clock domains {', '.join(domains)}, but it may use only one")
        ports = ports_of(component)
        clock_ports: list[Port] = []
        for name in domains:
            # The renamed domain of the parent and the default one look the same from inside.
            domain = ClockDomain(name, reset_less=not has_reset)
            domain.clk = Signal(name="clk")
            clock_ports.append(("clk", domain.clk, PortDirection.Input))
            if has_reset:
                domain.rst = Signal(name="rst")
                clock_ports.append(("rst", domain.rst, PortDirection.Input))
            fragment.add_domains(domain)
        body = self._convert(fragment, component, path, ports, clock_ports)
        return _Child(body, ports, domains[0] if domains else None, has_reset)

    def _isolate(self, fragment: Fragment, path: tuple[str, ...]) -> Fragment:
        """A copy of `fragment` in which components are instances and everything else has dissolved."""
        isolated = Fragment(src_loc=fragment.src_loc)
        isolated.origins = fragment.origins
        isolated.add_domains(fragment.domains.values())
        for domain, statements in fragment.statements.items():
            isolated.add_statements(domain, statements)
        for subfragment, name, _ in fragment.subfragments:
            for part, part_name in self._parts(subfragment, name, path):
                isolated.add_subfragment(part, f"u_{part_name}" if isinstance(part, Instance) else part_name)
            if type(subfragment) is Fragment and component_of(subfragment) is None:
                dissolve(subfragment, name, isolated)
        return isolated

    def _parts(self, fragment: Fragment, name: str, path: tuple[str, ...]) -> Iterator[tuple[Fragment, str]]:
        """What stands for a subfragment: itself if it is a leaf, an instance, or the parts of what dissolves."""
        if isinstance(fragment, RequirePosedge):  # all clocks are: nothing is emitted for it
            return
        if isinstance(fragment, (Instance, MemoryInstance)):
            yield fragment, name
            return
        component = component_of(fragment)
        if component is None:
            for inner, inner_name, _ in fragment.subfragments:
                yield from self._parts(inner, f"{name}_{inner_name}", path)
            return
        if not fragment.statements and len(fragment.subfragments) == 1:
            ((inner, _, _),) = fragment.subfragments
            if isinstance(inner, Instance):  # a component that only wraps a hand-written module
                rename(ports_of(component), name)
                yield inner, name
                return
        child = self._child(fragment, component, (*path, name))
        connections: list[tuple[str, str, AmaranthValue]] = []
        if child.domain:
            connections.append(("i", "clk", ClockSignal(child.domain)))
        if child.domain and child.has_reset:
            connections.append(("i", "rst", ResetSignal(child.domain)))
        rename(child.ports, name)
        kinds = {PortDirection.Input: "i", PortDirection.Output: "o"}
        connections += [(kinds[direction], port, signal) for port, signal, direction in child.ports]
        yield Instance(_BODY.format(child.body), *connections), name

    def _convert(
        self,
        fragment: Fragment,
        component: AnyComponent,
        path: tuple[str, ...],
        ports: list[Port],
        clock_ports: Sequence[Port],
    ) -> int:
        """Number of the body that `fragment` has; bodies that are equal to the last character are one."""
        for port, signal, _ in ports:
            signal.name = port
        design = fragment.prepare([*clock_ports, *ports], hierarchy=("module",))
        names = tuple(name for name, _, _ in (*clock_ports, *ports))
        self._check_private(design, path, {id(signal) for _, signal, _ in (*clock_ports, *ports)})
        source = build_netlist(design)
        netlist = read(source)
        simplify(netlist)
        text, wires = write_module("module", netlist, self._ports_of, names)
        if text not in self._bodies:
            name = _BODY.format(len(self._bodies))
            self._ports_of[name] = names
            named = text.replace("module module ", f"module {name} ", 1)
            sources = {wire: tuple(netlist.sources.get(net, net) for net in value) for wire, value in wires.items()}
            known = len(source.cells)
            sources = {wire: value for wire, value in sources.items() if all(cell_of(net) < known for net in value)}
            self._bodies[text] = _Body(component, path, names, named, sources, source)
        return list(self._bodies).index(text)

    def _check_private(self, design: Design, path: tuple[str, ...], ports: set[int]) -> None:
        """Every signal that is not a port belongs to one component only, else it would come apart unnoticed."""
        for signal in design.fragments[design.fragment].used_signals:
            if id(signal) in ports:
                continue
            _, owner = self._owners.setdefault(id(signal), (signal, path))
            if owner != path:
                raise HierarchyError(
                    f"signal {signal.name} is used in {_place(owner)} and in {_place(path)}, but it is no member of a "
                    "signature between them; pass it through a member"
                )


def _place(path: tuple[str, ...]) -> str:
    return ".".join(path) or "the top"
