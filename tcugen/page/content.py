"""All that a page shows, as JSON: the page itself, its tables and its trace are made of nothing else."""

from typing import TypedDict


class Parameter(TypedDict):
    """A parameter of the architecture and why it has its value; the reason is empty where the machine was given."""

    name: str
    value: int
    reason: str


class Resource(TypedDict):
    """What the machine takes of one resource of a part, estimated, and what the part has."""

    name: str
    kind: str
    needs: float
    has: int


class Fit(TypedDict):
    """The part that the machine was sized for, and what binds, in sentences."""

    part: str
    resources: list[Resource]
    remarks: list[str]


class Traffic(TypedDict):
    """Bytes on the bus for one layer, by the instruction that moves them; the program itself is in none."""

    weights: int
    load: int
    store: int


class LayerContent(TypedDict):
    """One layer number: what is computed together.

    Attributes:
        number: As instructions and traces count it.
        nodes: Its nodes, the last makes the tensor of shape `shape`.
        op: Of the first node.
        macs: Of all nodes, per image.
        predicted_cycles, simulated_cycles: Of one image; the latter is None in a build.
        busy: Cycles in which the array took an operand: simulated ones, in a build predicted ones.
        losses: Cycles beyond macs / multipliers by reason, of the same origin as `busy`.
        traffic: Bytes on the bus.
        mismatches: Elements that differ from golden over all images; None in a build.
        decibels: How far its tensor is above its error against the float network; None where that is not known.
    """

    number: int
    nodes: list[str]
    op: str
    shape: str
    macs: int
    predicted_cycles: int
    simulated_cycles: int | None
    busy: int
    losses: dict[str, float]
    traffic: Traffic
    mismatches: int | None
    decibels: float | None


class SpanContent(TypedDict):
    """One instruction in its unit, see `tcugen.timeline.Span`; `unit` is the place in the page's `units`."""

    unit: int
    instruction: int
    layer: int
    start: int
    end: int


class MemoryBox(TypedDict):
    """Bytes of the activation memory that a tensor, or the stripe buffers of a layer, have for some time.

    Attributes:
        kind: "tensor" or "buffers".
        address, bytes: Where.
        start, end: Cycles as in the timeline, from the first writer to the last reader; `end` is not in it.
    """

    name: str
    kind: str
    address: int
    bytes: int
    start: int
    end: int


class PageContent(TypedDict):
    """A page.

    Attributes:
        kind: "build" or "simulation".
        origin: Where the numbers came from, in words.
        memory: Name of the memory model.
        multipliers: Of the array.
        memories: Bytes of the machine's memories, see `machine_drawing.draw`.
        clock_mhz, clock_assumed: What times are reckoned with, and whether nobody named it.
        fit: None where no part was named.
        predicted_cycles, simulated_cycles: Of the last image; the latter is None in a build.
        images: How many ran; 0 in a build.
        utilisation: mac_count / (multipliers * cycles), of simulated cycles where there are some.
        compared_elements, mismatches: Elements of all tensors that were compared, and that differ; None in a build.
        bytes_read, bytes_written: Of one image: counted, in a build predicted.
        units: Names of the timeline's rows.
        timeline: From the replay in a build, from the run in a simulation.
        memory_map: Of the activation memory, over the time of `timeline`.
        spilled_bytes: Bytes of tensors that go to memory and back.
        notes: Further sentences: the runner-up and the like.
    """

    format: int
    kind: str
    network: str
    origin: str
    memory: str
    architecture: dict[str, int]
    parameters: list[Parameter]
    multipliers: int
    memories: dict[str, int]
    clock_mhz: float
    clock_assumed: bool
    fit: Fit | None
    mac_count: int
    predicted_cycles: int
    simulated_cycles: int | None
    images: int
    utilisation: float
    compared_elements: int | None
    mismatches: int | None
    bytes_read: int
    bytes_written: int
    layers: list[LayerContent]
    units: list[str]
    timeline: list[SpanContent]
    memory_map: list[MemoryBox]
    spilled_bytes: int
    notes: list[str]


def cycles_of(content: PageContent) -> int:
    """Simulated cycles of an image where there are some, else predicted ones."""
    return content["predicted_cycles"] if content["simulated_cycles"] is None else content["simulated_cycles"]


def milliseconds_of(content: PageContent) -> float:
    """Of one image at the page's clock."""
    return cycles_of(content) / (content["clock_mhz"] * 1e3)


def bytes_with_unit(count: int) -> str:
    """Bytes to three digits in the unit that leaves at most 999 of it: "999 B", "1.08 MB"."""
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    # 999.5 and more would be rounded to 1000 of the smaller unit.
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        del units[0]
    digits = 0 if units[0] == "B" or size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{size:,.{digits}f} {units[0]}"


def verdict(content: PageContent) -> str:
    """The whole page in one line: does it fit, how fast is it, is it right."""
    milliseconds = milliseconds_of(content)
    clock = f"{content['clock_mhz']:g} MHz{', an assumed clock' if content['clock_assumed'] else ''}"
    speed = (
        f"{milliseconds:,.2f} ms per image or {1000 / milliseconds:,.1f} images/s at {clock}; "
        f"the array computes at {100 * content['utilisation']:.1f} % of its peak"
    )
    fit = content["fit"]
    place = f"fits {fit['part']} by estimate; " if fit else ""
    unasked = "" if fit or content["kind"] != "build" else "; fit in an FPGA not asked: name one with --part"
    if content["mismatches"] is None or content["compared_elements"] is None:
        return f"{place}predicted {speed}{unasked}"
    equal = (
        f"all {content['compared_elements']:,} elements equal the golden model"
        if content["mismatches"] == 0
        else f"{content['mismatches']:,} elements differ from the golden model"
    )
    return f"{equal}; {place}simulated {speed}"
