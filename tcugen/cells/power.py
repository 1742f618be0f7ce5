"""Power of a flat netlist by OpenSTA, from the activity of its registers."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tcugen.cells.activity import Activities, Activity
from tcugen.cells.cell_library import HELD_PIN, Cells, Library
from tcugen.cells.flat import Flat
from tcugen.cells.opensta import run_opensta, setup
from tcugen.cells.structure import CONSTANTS, DESIGN, cell_name, held_name, holding, load_pf, net_name, opened
from tcugen.fpga.errors import SynthesisError

_ROWS = "power.rpt"


@dataclass(frozen=True)
class Power:
    """Milliwatts at `clock_mhz`.

    Attributes:
        by_module: Of the cells of each module, all instances, by name.
        clock_mw: For charging the clock pins of all flip-flops; what drives them is not there.
        leakage_mw: Part of `by_module` that does not depend on the clock.
        activities: What it rests on.
    """

    clock_mhz: float
    by_module: dict[str, float]
    clock_mw: float
    leakage_mw: float
    activities: Activities

    @property
    def mw(self) -> float:
        return sum(self.by_module.values()) + self.clock_mw

    def energy_mj(self, cycles: int) -> float:
        """Millijoules of so many cycles."""
        return self.mw * cycles / (self.clock_mhz * 1e6)


def power_of(
    flat: Flat,
    library: Library,
    cells: Cells,
    activities: Activities,
    clock_mhz: float,
    folder: Path,
    timeout_seconds: float,
    report: Callable[[str], None],
) -> Power:
    """Power at a clock. Memories and wires take none: the library has none, and nothing is laid out.

    Args:
        activities: Of all nets that start a path.
        folder: Gets the netlist, the commands and the log.

    Raises:
        SynthesisError: If OpenSTA is missing, fails or takes too long.
    """
    verilog = folder / "power.v"
    verilog.write_text(opened(flat, cells))
    held, loads = holding(flat, cells), load_pf(flat, cells)
    commands = setup(library, verilog, DESIGN, net_name(flat.clock), 1000 / clock_mhz)
    # Three things of 2.0.17. Toggles are per cycle, but only once clocks have been propagated. What is set at pins is
    # overwritten when activities are propagated, which the first report does. And `set_power_activity -pins` fails:
    # it asks for a procedure that is not there.
    commands.append("find_timing")
    for net in {**dict.fromkeys(flat.inputs), **dict.fromkeys(held.values())}:
        if (activity := activities.nets.get(net)) is not None:
            commands.append(f"set_power_activity -input_ports {net_name(net)} {_arguments(activity)}")
    for constant, name in CONSTANTS.items():
        commands.append(f"set_power_activity -input_ports {name} {_arguments(Activity(0.0, float(constant)))}")
    pins: list[str] = []
    for index, net in held.items():
        commands.append(f"set_load -pin_load {loads.get(net, 0.0):.6g} [get_ports {held_name(index)}]")
        activity = activities.nets[net]
        pin = f"[get_pins {cell_name(index)}/{HELD_PIN}]"
        pins.append(f"sta::set_power_pin_activity {pin} {activity.toggles:.6g} {activity.high:.6g}")
    commands += ["report_power", *pins]
    commands.append(f"report_power -instances [get_cells *] -digits 9 > {_ROWS}")
    run_opensta(commands, folder, "power", timeout_seconds, report)
    watts = read_power((folder / _ROWS).read_text())
    if len(watts) != len(flat.cells):
        raise SynthesisError(
            f"OpenSTA told the power of {len(watts):,} of {len(flat.cells):,} cells; take another (this flow was made "
            "with 2.0.17)"
        )
    by_module: dict[str, float] = defaultdict(float)
    for index, cell in enumerate(flat.cells):
        by_module[flat.instances[cell.module][1]] += 1e3 * watts[cell_name(index)][0]
    clock_pf = loads.get(flat.clock, 0.0)
    # Charged once in a cycle: C V^2 f.
    clock_mw = 1e3 * clock_pf * 1e-12 * cells.volts**2 * clock_mhz * 1e6
    leakage = 1e3 * sum(leakage for _, leakage in watts.values())
    return Power(clock_mhz, dict(by_module), clock_mw, leakage, activities)


def read_power(text: str) -> dict[str, tuple[float, float]]:
    """Watts and those of leakage by instance, of what `report_power -instances` prints."""
    found: dict[str, tuple[float, float]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 5 and words[4][0] == "c" and words[4][1:].isdigit():
            found[words[4]] = (float(words[3]), float(words[2]))
    return found


def _arguments(activity: Activity) -> str:
    return f"-activity {activity.toggles:.6g} -duty {activity.high:.6g}"
