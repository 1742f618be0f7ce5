"""One machine of a sweep: asked for by a few numbers, answered by one row. Runs anywhere, as both are plain data."""

from dataclasses import dataclass

from tcugen.console.machine import MachineFlags, sized
from tcugen.console.outcome import BAD_INPUT
from tcugen.console.page_content import memory_bytes
from tcugen.network.layer_config import parse_layer_config
from tcugen.page.machine_drawing import MULTIPLIER_BYTES


@dataclass(frozen=True)
class SweepPoint:
    """What to size.

    Attributes:
        network: Name, for the row.
        layer_config: The network as text.
        array: ROWSxCOLUMNS.
        activation_kib, bus_bytes: Of the machine; 0 leaves the activation memory to the search.
    """

    network: str
    layer_config: str
    array: str
    activation_kib: int
    bus_bytes: int


@dataclass(frozen=True)
class SweepRow:
    """What was found; figures are 0 and `error` says why where the network cannot run.

    Attributes:
        network, array, bus_bytes: As asked for.
        activation_kib, output_lanes, weight_tiles, accumulator_depth: Of the machine.
        multipliers: Of the array.
        memory_bytes: Of all memories of the machine.
        area_bytes: Memories by their bytes, and MULTIPLIER_BYTES for each multiplier: the machine's size in one number.
        cycles, utilisation: Predicted, of one image.
        bytes_moved: On the bus, of one image.
        images_per_second: At the clock of the sweep.
        error: "" if all is well.
    """

    network: str
    array: str
    bus_bytes: int
    activation_kib: int
    output_lanes: int = 0
    weight_tiles: int = 0
    accumulator_depth: int = 0
    multipliers: int = 0
    memory_bytes: int = 0
    area_bytes: int = 0
    cycles: int = 0
    utilisation: float = 0.0
    bytes_moved: int = 0
    images_per_second: float = 0.0
    error: str = ""


def evaluate_point(point: SweepPoint, clock_mhz: float) -> SweepRow:
    """Size one machine and say how fast it is; the same arguments give the same row everywhere."""
    flags = MachineFlags(
        array=point.array, activation_kib=point.activation_kib or None, bus_bytes=point.bus_bytes
    )  # fmt: skip
    try:
        sizing = sized(parse_layer_config(point.layer_config, point.network), flags)
    except BAD_INPUT as error:
        return SweepRow(point.network, point.array, point.bus_bytes, point.activation_kib, error=str(error))
    machine, prediction = sizing.architecture, sizing.planned.prediction
    memories = sum(memory_bytes(machine).values())
    return SweepRow(
        network=point.network,
        array=point.array,
        bus_bytes=machine.bus_bytes,
        activation_kib=machine.activation_kib,
        output_lanes=machine.output_lanes,
        weight_tiles=machine.weight_tiles,
        accumulator_depth=machine.accumulator_depth,
        multipliers=machine.multipliers,
        memory_bytes=memories,
        area_bytes=memories + MULTIPLIER_BYTES * machine.multipliers,
        cycles=sizing.cycles,
        utilisation=round(sizing.utilisation, 6),
        bytes_moved=prediction.bytes_read + prediction.bytes_written,
        images_per_second=round(clock_mhz * 1e6 / sizing.cycles, 3),
    )
