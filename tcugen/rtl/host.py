"""The host's registers as an AXI4-Lite slave, generated from the table in `tcugen.registers`."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import Architecture
from tcugen.isa import INSTRUCTION_SET, Window
from tcugen.program_format import GENERATOR
from tcugen.registers import (
    ADDRESS_BITS,
    BY_NAME,
    IDENTIFICATION,
    REGISTERS,
    WATCHDOG_CYCLES,
    Register,
    Stall,
)
from tcugen.rtl.axi import PAGE_BYTES, window_settings
from tcugen.rtl.control import code_shape
from tcugen.rtl.counters import BUSY, LAYER_READ_CYCLES, TOTALS
from tcugen.rtl.dispatch import LAYER_BITS
from tcugen.rtl.window_rules import WindowRules

RESPONSE_OKAY = 0
RESPONSE_SLVERR = 2

_GROUP_BITS = 3
"""Eight registers are a group of which one is read: a choice among all at once would be the longest in the machine."""

READ_CYCLES = LAYER_READ_CYCLES + 3
"""From an accepted read address to valid data, for every register: as long as the slowest takes."""

CONTROL_BITS = ("start", "soft_reset", "clear_interrupt")
"""Pulses that bits 0, 1, 2 of register CONTROL give."""


INITIAL_VALUES = {"WATCHDOG": WATCHDOG_CYCLES}
"""Registers that are not 0 after reset."""

WINDOW_REGISTERS = {f"{window.name}_{part}" for window in Window for part in ("BASE_LOW", "BASE_HIGH", "SIZE")}


def writable_mask(register: Register, address_bits: int) -> int:
    """Bits of an "rw" register that there are; a value with others is refused."""
    if register.name.endswith("_BASE_LOW"):
        return 0xFFFF_FFFF & -PAGE_BYTES
    if register.name.endswith("_BASE_HIGH"):
        return (1 << address_bits - 32) - 1
    return {"INTERRUPT_ENABLE": 1, "LAYER_SELECT": (1 << LAYER_BITS) - 1}.get(register.name, 0xFFFF_FFFF)


class Host(wiring.Component):
    """AXI4-Lite slave and settings.

    Write address and data may come in either order; one write and one read are handled at a time, independently.
    Byte strobes are obeyed. Answers SLVERR, without any effect, to: an address without a register; a write to a
    read-only register; a value that the register cannot hold, as a base that is no multiple of PAGE_BYTES or beyond the
    bus's addresses; a write to a window or to WATCHDOG while `busy`; a start (without soft reset) while not
    `startable`, or with windows that `WindowRules` finds a flaw in. The lowest two address bits are ignored.

    Members:
        aw*, w*, b*, ar*, r*: The AXI4-Lite channels.
        windows, watchdog, interrupt_enable: Settings, after reset as in INITIAL_VALUES, else 0; they survive a soft
            reset.
        start, soft_reset, clear_interrupt: Pulses. `busy` must follow a start in the next cycle.
        busy, done, failed, startable, error_code, error_address: From Control.
        totals, layer_count: From Counters; `layer` and `counter` select the latter.

    A read takes READ_CYCLES from address to data, a write 3 cycles from the later of address and data to response. A
    write to CONTROL also waits for the verdict on the windows: up to CHECK_CYCLES after the last of them was set.
    """

    awaddr: Signal
    awprot: Signal
    awvalid: Signal
    awready: Signal
    wdata: Signal
    wstrb: Signal
    wvalid: Signal
    wready: Signal
    bresp: Signal
    bvalid: Signal
    bready: Signal
    araddr: Signal
    arprot: Signal
    arvalid: Signal
    arready: Signal
    rdata: Signal
    rresp: Signal
    rvalid: Signal
    rready: Signal
    windows: data.View
    watchdog: Signal
    interrupt_enable: Signal
    start: Signal
    soft_reset: Signal
    clear_interrupt: Signal
    busy: Signal
    done: Signal
    failed: Signal
    startable: Signal
    error_code: Signal
    error_address: Signal
    totals: data.View
    layer: Signal
    counter: Signal
    layer_count: Signal

    def __init__(self, architecture: Architecture):
        self._architecture = architecture
        self.fingerprint = architecture.fingerprint
        self.address_bits = architecture.bus_address_bits
        super().__init__(
            {
                "awaddr": In(ADDRESS_BITS),
                "awprot": In(3),
                "awvalid": In(1),
                "awready": Out(1),
                "wdata": In(32),
                "wstrb": In(4),
                "wvalid": In(1),
                "wready": Out(1),
                "bresp": Out(2),
                "bvalid": Out(1),
                "bready": In(1),
                "araddr": In(ADDRESS_BITS),
                "arprot": In(3),
                "arvalid": In(1),
                "arready": Out(1),
                "rdata": Out(32),
                "rresp": Out(2),
                "rvalid": Out(1),
                "rready": In(1),
                "windows": Out(window_settings(architecture)),
                "watchdog": Out(32),
                "interrupt_enable": Out(1),
                **{name: Out(1) for name in CONTROL_BITS},
                "busy": In(1),
                "done": In(1),
                "failed": In(1),
                "startable": In(1),
                "error_code": In(code_shape(architecture)),
                "error_address": In(self.address_bits),
                "totals": In(TOTALS),
                "layer": Out(LAYER_BITS),
                "counter": Out(range(BUSY + 1)),
                "layer_count": In(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stored = {
            register.name: Signal(32, name=register.name.lower(), init=INITIAL_VALUES.get(register.name, 0))
            for register in REGISTERS
            if register.access == "rw"
        }
        for window in Window:
            base = Cat(stored[f"{window.name}_BASE_LOW"], stored[f"{window.name}_BASE_HIGH"])
            m.d.comb += [
                self.windows[window].base.eq(base),
                self.windows[window].size.eq(stored[f"{window.name}_SIZE"]),
            ]
        m.d.comb += [
            self.watchdog.eq(stored["WATCHDOG"]),
            self.interrupt_enable.eq(stored["INTERRUPT_ENABLE"]),
            self.layer.eq(stored["LAYER_SELECT"]),
        ]
        m.submodules.rules = self._rules = rules = WindowRules(self._architecture)
        m.d.comb += rules.windows.eq(self.windows)
        self._write_channels(m, stored)
        self._read_channels(m, self._readable(stored))
        return m

    def _write_channels(self, m: Module, stored: dict[str, Signal]) -> None:
        address = Signal(ADDRESS_BITS - 2)
        data = Signal(32)
        strobes = Signal(4)
        have_address = Signal()
        have_data = Signal()
        execute = Signal()
        rules = self._rules
        m.d.comb += [self.awready.eq(~have_address), self.wready.eq(~have_data)]
        with m.If(self.awvalid & self.awready):
            m.d.sync += [have_address.eq(1), address.eq(self.awaddr[2:])]
        with m.If(self.wvalid & self.wready):
            m.d.sync += [have_data.eq(1), data.eq(self.wdata), strobes.eq(self.wstrb)]

        # First cycle: which register it is, and whether the value has bits that there are not.
        decoded = Signal()
        to_control = Signal()
        m.d.sync += [
            decoded.eq(have_address & have_data & ~execute),
            to_control.eq(address == BY_NAME["CONTROL"].address >> 2),
        ]
        m.d.comb += execute.eq(decoded & ~self.bvalid & (rules.settled | ~to_control))
        stores = {name: self._store(m, BY_NAME[name], address, data, strobes) for name in stored}

        # Second cycle.
        wanted = Signal(len(CONTROL_BITS))
        controls = Signal()
        m.d.comb += wanted.eq(data & strobes[0].replicate(len(CONTROL_BITS)))
        start, soft_reset, _ = wanted
        m.d.comb += controls.eq(to_control & (self.startable & (rules.flaws == 0) | ~start | soft_reset))
        with m.If(self.bready):
            m.d.sync += self.bvalid.eq(0)
        with m.If(execute):
            m.d.sync += [
                *(have.eq(0) for have in (have_address, have_data)),
                self.bvalid.eq(1),
                self.bresp.eq(Mux(controls | Cat(stores.values()).any(), RESPONSE_OKAY, RESPONSE_SLVERR)),
            ]
            m.d.comb += rules.changed.eq(Cat(stores[name] for name in stored if name in WINDOW_REGISTERS).any())
            with m.If(controls):
                m.d.comb += [getattr(self, name).eq(wanted[bit]) for bit, name in enumerate(CONTROL_BITS)]
        for name, register in stored.items():
            # Bits that there are not stay 0: `stores` is low for a value that has them.
            there = [bit for bit in range(32) if writable_mask(BY_NAME[name], self.address_bits) >> bit & 1]
            for byte in range(4):
                if bits := [bit for bit in there if bit // 8 == byte]:
                    part = slice(bits[0], bits[-1] + 1)
                    with m.If(execute & stores[name] & strobes[byte]):
                        m.d.sync += register[part].eq(data[part])

    def _store(self, m: Module, description: Register, address: Signal, data: Signal, strobes: Signal) -> Signal:
        """Whether the register takes the value, in the cycle after address and data are there."""
        name = description.name.lower()
        fits = Signal(name=f"fits_{name}")
        stores = Signal(name=f"stores_{name}")
        mask = writable_mask(description, self.address_bits)
        beyond = Cat(strobe.replicate(8) for strobe in strobes) & data & ~mask & 0xFFFF_FFFF
        m.d.sync += fits.eq((address == description.address >> 2) & (beyond == 0))
        # The settings of a run must not change while it runs.
        free = description.name in ("INTERRUPT_ENABLE", "LAYER_SELECT")
        m.d.comb += stores.eq(fits & (1 if free else ~self.busy))
        return stores

    def _readable(self, stored: dict[str, Signal]) -> dict[str, Value]:
        """The value of each register, by name."""
        wide = {
            "ERROR_ADDRESS": self.error_address,
            "CYCLES": self.totals.cycles,
            "BUSY": self.totals.busy,
            **{f"STALL_{stall.name}": self.totals.stall[stall] for stall in Stall},
            "BYTES_READ": self.totals.bytes_read,
            "BYTES_WRITTEN": self.totals.bytes_written,
        }
        values = {
            "IDENTIFICATION": Const(IDENTIFICATION, 32),
            "ARCHITECTURE": Const(self.fingerprint, 32),
            "INSTRUCTION_SET": Const(INSTRUCTION_SET, 32),
            "GENERATOR": Const(GENERATOR, 32),
            "CONTROL": Const(0, 32),
            "WINDOWS": Cat(self._rules.flaws, ~self._rules.settled),
            "STATUS": Cat(self.busy, self.done, self.failed),
            "ERROR_CODE": self.error_code,
            **{f"{name}_LOW": value[:32] for name, value in wide.items()},
            **{f"{name}_HIGH": value[32:] for name, value in wide.items()},
            **stored,
            **dict.fromkeys(_layer_counters(), self.layer_count),
        }
        if set(values) != set(BY_NAME):
            raise ValueError(f"registers without a meaning here: {sorted(set(values) ^ set(BY_NAME))}")
        return values

    def _read_channels(self, m: Module, values: dict[str, Value]) -> None:
        """The registers in groups of neighbours: first one of each group, then one of the groups."""
        address = Signal(ADDRESS_BITS - 2)
        reading = Signal()
        cycle = Signal(range(READ_CYCLES))
        m.d.comb += self.arready.eq(~reading & ~self.rvalid)
        with m.If(self.arvalid & self.arready):
            m.d.sync += [reading.eq(1), address.eq(self.araddr[2:]), cycle.eq(0)]
        with m.Switch(address):
            for name, counter in _layer_counters().items():
                with m.Case(BY_NAME[name].address >> 2):
                    m.d.comb += self.counter.eq(counter)
        groups: dict[int, list[str]] = {}
        for name in values:
            groups.setdefault(BY_NAME[name].address >> 2 + _GROUP_BITS, []).append(name)
        of_group = {number: Signal(32, name=f"of_group_{number}", reset_less=True) for number in groups}
        known = Signal()
        m.d.sync += known.eq(0)
        with m.Switch(address), m.Case(*sorted(BY_NAME[name].address >> 2 for name in values)):
            m.d.sync += known.eq(1)
        for number, names in groups.items():
            with m.Switch(address[:_GROUP_BITS]):
                for name in names:
                    with m.Case(BY_NAME[name].address >> 2 & (1 << _GROUP_BITS) - 1):
                        m.d.sync += of_group[number].eq(values[name])
        with m.If(self.rready):
            m.d.sync += self.rvalid.eq(0)
        with m.If(reading):
            m.d.sync += cycle.eq(cycle + 1)
            with m.If(cycle == READ_CYCLES - 2):
                m.d.sync += [reading.eq(0), self.rvalid.eq(1), self.rdata.eq(0), self.rresp.eq(RESPONSE_SLVERR)]
                with m.If(known):
                    m.d.sync += self.rresp.eq(RESPONSE_OKAY)
                    with m.Switch(address[_GROUP_BITS:]):
                        for number, value in of_group.items():
                            with m.Case(number):
                                m.d.sync += self.rdata.eq(value)


def _layer_counters() -> dict[str, int]:
    """Number of the counter, by the name of its register."""
    return {"LAYER_BUSY": BUSY, **{f"LAYER_STALL_{stall.name}": int(stall) for stall in Stall}}
