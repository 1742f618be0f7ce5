"""What the page of a build or of a run shows, gathered from plan, replay, figures and trace."""

from collections.abc import Iterable, Mapping, Sequence

from tcugen.arch import Architecture
from tcugen.console.memory_map import memory_map
from tcugen.fpga.families import ASSUMED_CLOCK_MHZ
from tcugen.isa import Instruction, Opcode
from tcugen.network.graph import Network
from tcugen.page.content import Fit, LayerContent, PageContent, Parameter, SpanContent, Traffic
from tcugen.planning.planned import Planned
from tcugen.report.losses import losses_of
from tcugen.report.run_report import NodeFigures, RunFigures
from tcugen.sizing.search import Sizing
from tcugen.timeline import UNITS, Span, spans_of
from tcugen.timing.bursts import transfer_bytes, weight_bytes

_ROWS = list(UNITS)


def build_page(
    network: Network,
    sizing: Sizing,
    origin: str,
    fit: Fit | None,
    clock_mhz: float | None,
    decibels: Mapping[str, float],
) -> PageContent:
    """The page of a build.

    Args:
        network, sizing: What was built.
        origin: Where the integers come from, in words.
        fit: What it takes of the part that was named.
        clock_mhz: The clock that the user named.
        decibels: Distance of tensors from their error against the float network, where that is known.
    """
    planned = sizing.planned
    notes = [] if sizing.runner_up is None else [f"Runner-up: {sizing.runner_up}"]
    spans = spans_of(planned.schedule.instructions, planned.prediction.spans)
    page = _page(network, planned, sizing.reasons, "fixed", spans, None, decibels)
    page["origin"], page["fit"], page["notes"] = origin, fit, notes
    page["clock_mhz"], page["clock_assumed"] = clock_mhz or ASSUMED_CLOCK_MHZ, clock_mhz is None
    return page


def run_page(
    network: Network,
    planned: Planned,
    reasons: Mapping[str, str],
    figures: RunFigures,
    compared_elements: int,
    spans: Sequence[Span],
    decibels: Mapping[str, float],
) -> PageContent:
    """The page of a run.

    Args:
        network: What ran.
        planned: The plan that its program was made from; its replay is with the memory model of the run.
        reasons: Of the architecture's parameters; empty for a machine that was built before.
        figures: Of the run.
        compared_elements: Elements of all tensors that were compared, over all images.
        spans: When units had their instructions, of the last image.
        decibels: As for `build_page`.
    """
    origin = (
        f"Synthetic integers of seed {figures['seed']}" if "seed" in figures else f"Model {figures.get('model', '')}"
    )
    page = _page(network, planned, reasons, figures["memory"], spans, figures, decibels)
    page["origin"], page["compared_elements"] = origin, compared_elements
    return page


def _page(
    network: Network,
    planned: Planned,
    reasons: Mapping[str, str],
    memory: str,
    spans: Sequence[Span],
    figures: RunFigures | None,
    decibels: Mapping[str, float],
) -> PageContent:
    architecture, prediction = planned.plan.architecture, planned.prediction
    cycles = prediction.cycles if figures is None else figures["cycles_per_image"][-1]
    images = 0 if figures is None else len(figures["cycles_per_image"])
    return {
        "format": 1,
        "kind": "build" if figures is None else "simulation",
        "network": network.name,
        "origin": "",
        "memory": memory,
        "architecture": architecture.to_dict(),
        "parameters": [
            Parameter(name=name, value=value, reason=reasons.get(name, ""))
            for name, value in architecture.to_dict().items()
        ],
        "multipliers": architecture.multipliers,
        "memories": memory_bytes(architecture),
        "clock_mhz": ASSUMED_CLOCK_MHZ,
        "clock_assumed": True,
        "fit": None,
        "mac_count": network.mac_count,
        "predicted_cycles": prediction.cycles,
        "simulated_cycles": None if figures is None else cycles,
        "images": images,
        "utilisation": network.mac_count / (architecture.multipliers * cycles),
        "compared_elements": None,
        "mismatches": None if figures is None else figures["mismatches"],
        "bytes_read": prediction.bytes_read if figures is None else figures["counters"]["BYTES_READ"],
        "bytes_written": prediction.bytes_written if figures is None else figures["counters"]["BYTES_WRITTEN"],
        "layers": _layers(network, planned, figures, decibels),
        "units": list(UNITS.values()),
        "timeline": [_span(span) for span in spans],
        "memory_map": memory_map(planned, spans),
        "spilled_bytes": sum(planned.plan.layouts[name].bytes for name in planned.plan.spilled),
        "notes": [],
    }


def memory_bytes(architecture: Architecture) -> dict[str, int]:
    """Bytes of the machine's memories."""
    return {
        "activation": architecture.activation_bytes,
        "weights": architecture.weight_buffer_bytes,
        "parameters": architecture.parameter_buffer_bytes,
        "accumulators": architecture.accumulator_bytes,
        "tables": architecture.table_bytes,
    }


def layer_traffic(instructions: Iterable[Instruction], architecture: Architecture, layers: int) -> list[Traffic]:
    """Bytes on the bus by layer number; all but those of the program itself."""
    found = [Traffic(weights=0, load=0, store=0) for _ in range(layers)]
    for instruction in instructions:
        if instruction.opcode == Opcode.WEIGHT:
            found[instruction["layer"]]["weights"] += weight_bytes(instruction, architecture)
        elif instruction.opcode == Opcode.LOAD:
            found[instruction["layer"]]["load"] += transfer_bytes(instruction)
        elif instruction.opcode == Opcode.STORE:
            found[instruction["layer"]]["store"] += transfer_bytes(instruction)
    return found


def _layers(
    network: Network, planned: Planned, figures: RunFigures | None, decibels: Mapping[str, float]
) -> list[LayerContent]:
    plan = planned.plan
    ran: dict[str, NodeFigures] = {} if figures is None else {node["name"]: node for node in figures["nodes"]}
    traffic = layer_traffic(planned.schedule.instructions, plan.architecture, len(plan.tasks))
    layers: list[LayerContent] = []
    for number, (task, cycles) in enumerate(zip(plan.tasks, planned.prediction.layers, strict=True)):
        macs = sum(network.macs(network.by_name[name]) for name in task.nodes)
        busy, stalls = cycles.busy, {reason.name.lower(): lost for reason, lost in cycles.stalls.items()}
        simulated = None
        if ran:
            first = ran[task.nodes[0]]
            simulated, busy, stalls = first["cycles"], first["busy"], first["stalls"]
        layers.append(
            LayerContent(
                number=number,
                nodes=list(task.nodes),
                op=network.by_name[task.nodes[0]].op,
                shape=str(network.shapes[task.output]),
                macs=macs,
                predicted_cycles=cycles.cycles,
                simulated_cycles=simulated,
                busy=busy,
                losses=losses_of(macs, plan.architecture.multipliers, busy, stalls),
                traffic=traffic[number],
                mismatches=sum(ran[name]["mismatches"] for name in task.nodes) if ran else None,
                decibels=decibels.get(task.output),
            )
        )
    return layers


def _span(span: Span) -> SpanContent:
    return {
        "unit": _ROWS.index(span.opcode),
        "instruction": span.instruction,
        "layer": span.layer,
        "start": span.start,
        "end": span.end,
    }
