"""What a proof consists of: a block with its properties, a method, and mutants that the method must find."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any

from amaranth.asserts import AnyConst, AnySeq  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks them
from amaranth.hdl import Assert, Assume, Elaboratable, Module, Signal, Value, ValueLike


class Method(Enum):
    """How a property is shown to hold.

    PDR: for every run of any length, by property-directed reachability (ABC). INDUCTION: for every run of any length,
    by k-induction (Yices). BMC: for every run of at most `depth` cycles from reset (Yices).
    """

    PDR = "PDR"
    INDUCTION = "k-induction"
    BMC = "BMC"
    SAT = "SAT"


@dataclass(frozen=True)
class Mutant:
    """The package with one place of a file changed: `old`, which is there once, to `new`. It breaks the property.

    Attributes:
        file: Path inside tcugen/rtl.
        old, new: Text.
    """

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Proof:
    """One line of the table.

    Attributes:
        module: File in tcugen/rtl without `.py`.
        name: Identifies the proof within its module; words with dashes.
        says: The property, in words.
        method: How it is shown.
        depth: BMC: cycles; INDUCTION: k; PDR: 0.
        build: Makes block, environment and assertions as one elaboratable. Its reset is free: it may come in any cycle
            and as often as it likes, so that registers without reset hold anything that a run may leave in them.
        mutants: All must be found.
        short: Part of `make test`.
    """

    module: str
    name: str
    says: str
    method: Method
    depth: int
    build: Callable[[], Elaboratable]
    mutants: tuple[Mutant, ...]
    short: bool = True

    @property
    def full_name(self) -> str:
        """Module and name."""
        return f"{self.module}: {self.name}"

    @property
    def method_text(self) -> str:
        """The method with its depth, for the table."""
        return {
            Method.PDR: "PDR, unbounded",
            Method.INDUCTION: f"k-induction, k = {self.depth}, unbounded",
            Method.BMC: f"BMC, {self.depth} cycles",
            Method.SAT: "SAT, all values",
        }[self.method]


def always(m: Module, *conditions: ValueLike) -> None:
    """Assert each condition in every cycle."""
    m.d.comb += [Assert(condition, None) for condition in conditions]


def given(m: Module, *conditions: ValueLike) -> None:
    """Assume each condition in every cycle: what the block may rely on."""
    m.d.comb += [Assume(condition, None) for condition in conditions]


def any_constant(bits: int) -> Value:
    """Any value, the same in all cycles."""
    return AnyConst(bits)


def anything(bits: int) -> Value:
    """Any value, another one in each cycle."""
    return AnySeq(bits)


def running(m: Module) -> Signal:
    """1 if the cycle before was one without reset, so that registers hold what they were given in it."""
    signal = Signal(name="running")
    m.d.sync += signal.eq(1)
    return signal


def opened(component: Any) -> Any:
    """The module of a block, made once: the block is elaborated now, and whoever contains it gets the same."""
    if "elaborate" not in vars(component):
        module = component.elaborate(None)
        vars(component)["elaborate"] = lambda _: module
    return component.elaborate(None)


def submodule(component: Any, name: str) -> Any:
    """A block inside a block."""
    return opened(component)._named_submodules[name][0]  # there is no public way


def inside(component: Any, path: str) -> Signal:
    """A register or wire inside a block, by its name after those of the submodules: what an invariant has to speak of.

    Raises:
        KeyError: If there is no such signal.
    """
    first, _, rest = path.partition(".")
    if rest:
        return inside(submodule(component, first), rest)
    for signal in opened(component)._driving:  # there is no public way
        if signal.name == first:
            return signal
    raise KeyError(f"the block has no signal {first}")


def word(m: Module, memory: Any, address: ValueLike, name: str) -> Signal:
    """What a memory of a block holds at an address: a read port more, for an invariant.

    Args:
        memory: A Fifo of few items, which has one inside, or a Sram, or Amaranth's own.
    """
    for inner in ("queue", "storage", "memory"):
        if not hasattr(memory, "read_port") and inner in opened(memory)._named_submodules:
            memory = submodule(memory, inner)
    port = memory.read_port(domain="comb")
    m.d.comb += port.addr.eq(address)
    data = Signal(len(Value.cast(port.data)), name=name)
    m.d.comb += data.eq(port.data)
    return data


@contextmanager
def replaced(module: ModuleType, name: str, value: object) -> Generator[None]:
    """A name of a module stands for something else meanwhile: a smaller size, or an abstraction of a block."""
    kept = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, kept)
