"""Predicts the cycles of a program by replaying its instructions through models of the units and of the bus."""

from collections.abc import Sequence

from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode, Unit
from tcugen.memory_model import MEMORY_MODELS, MemoryModel
from tcugen.registers import Stall
from tcugen.timing.banks import DrainWrites
from tcugen.timing.bursts import transfer_bytes, weight_bytes
from tcugen.timing.bus import Bus
from tcugen.timing.completions import NEVER, Agenda, Completions
from tcugen.timing.compute import Compute
from tcugen.timing.drain import Drain
from tcugen.timing.fetch import Fetch
from tcugen.timing.latencies import IDLE_TO_QUIET, SETTLE_CYCLES
from tcugen.timing.load import Load
from tcugen.timing.pool import Pool
from tcugen.timing.prediction import LayerCycles, Prediction
from tcugen.timing.queue import InstructionQueue
from tcugen.timing.reads import ArrayReads
from tcugen.timing.stalls import Charges
from tcugen.timing.store import Store
from tcugen.timing.weights import WeightStream


class ReplayError(ValueError):
    """The instructions come to no end: some wait for work that is never done, or END is missing."""


def replay(
    instructions: Sequence[Instruction],
    architecture: Architecture,
    layers: int,
    memory: MemoryModel = MEMORY_MODELS["fixed"],
) -> Prediction:
    """Cycles and bytes of one run.

    Args:
        instructions: In fetch order; the last is END. Weights are not looked at.
        architecture: What they were compiled for.
        layers: Number of layers; every instruction's layer is below it.
        memory: The memory on the bus.

    Raises:
        ReplayError: If the machine would never end, or there is no END.
    """
    if not instructions or instructions[-1].opcode != Opcode.END:
        raise ReplayError(f"the last of {len(instructions)} instructions must be END")
    agenda = Agenda()
    completions = {unit: Completions(agenda) for unit in Unit}
    units_of = [opcode for opcode in Opcode if opcode != Opcode.END]
    queues = {opcode: InstructionQueue(opcode, completions, agenda, architecture.options) for opcode in units_of}
    charges = Charges(layers)
    writes = DrainWrites(architecture)
    reads = ArrayReads(architecture, sum(i.opcode == Opcode.POOL for i in instructions))
    fetch = Fetch(instructions, queues, architecture, agenda)
    weights = WeightStream(queues[Opcode.WEIGHT], architecture, agenda)
    load = Load(queues[Opcode.LOAD], completions[Unit.LOAD], writes, architecture, agenda)
    store = Store(queues[Opcode.STORE], completions[Unit.STORE], reads, architecture, memory)
    compute = Compute(queues[Opcode.COMPUTE], completions[Unit.COMPUTE], weights, charges, reads, architecture, agenda)
    drain = Drain(queues[Opcode.DRAIN], completions[Unit.DRAIN], compute, weights, writes, architecture, agenda)
    pool = Pool(queues[Opcode.POOL], completions[Unit.POOL], reads, architecture)
    compute.wake_drain = weights.groups.wake = drain.advance
    weights.tiles.wake = compute.advance
    units = {
        Opcode.WEIGHT: weights,
        Opcode.LOAD: load,
        Opcode.STORE: store,
        Opcode.COMPUTE: compute,
        Opcode.DRAIN: drain,
        Opcode.POOL: pool,
    }
    for opcode, unit in units.items():
        queues[opcode].wake = unit.advance
    bus = Bus((fetch, load, weights), store, pool, memory, agenda)
    bus.run()

    idle = (compute.idle_from, drain.idle_from, pool.idle_from, load.idle_from, store.idle_from, weights.idle_from)
    held = [queue.left < len(queue.entered) for queue in queues.values()]
    if fetch.ended is None or any(held) or max(idle) == NEVER:
        raise ReplayError(_stuck(fetch, queues))
    cycles = max(*idle, fetch.ended + 1, bus.last_beat + 3) + IDLE_TO_QUIET + SETTLE_CYCLES
    charges.unexplained.append((compute.layer, compute.free_from, cycles - 1))
    charges.explain(drain.spans, pool.spans, store.spans)
    loaded = sum(transfer_bytes(i) for i in instructions if i.opcode == Opcode.LOAD)
    streamed = sum(weight_bytes(i, architecture) for i in instructions if i.opcode == Opcode.WEIGHT)
    return Prediction(
        cycles=cycles,
        layers=tuple(
            LayerCycles(busy, {reason: stalls[reason] for reason in Stall if stalls[reason]})
            for busy, stalls in zip(charges.busy, charges.stalls, strict=True)
        ),
        bytes_read=fetch.n_bytes + loaded + streamed,
        bytes_written=sum(transfer_bytes(i) for i in instructions if i.opcode == Opcode.STORE),
        spans={opcode: unit.spans for opcode, unit in units.items()},
    )


def _stuck(fetch: Fetch, queues: dict[Opcode, InstructionQueue]) -> str:
    held = ", ".join(
        f"{opcode.name} {queue.left}" for opcode, queue in queues.items() if queue.left < len(queue.entered)
    )
    at = f"fetch is at instruction {fetch.position}" if fetch.ended is None else "all are fetched"
    return f"the program never ends: {at}; at the gates are {held or 'none'}"
