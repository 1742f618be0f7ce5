"""The activation memory over the time of a run: which tensor or stripe buffer has which bytes, and when."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tcugen.isa import Opcode
from tcugen.mapping.plan import Plan
from tcugen.mapping.tasks import GatherTask, Task
from tcugen.page.content import MemoryBox
from tcugen.planning.planned import Planned
from tcugen.timeline import Span

_WRITERS = (Opcode.DRAIN, Opcode.POOL)
"""What makes the tensor of a layer, or the stripes of it."""
_READERS = (Opcode.COMPUTE, Opcode.POOL)
"""What reads its operands, but for the residual one, which DRAIN reads."""


def memory_map(planned: Planned, spans: Sequence[Span]) -> list[MemoryBox]:
    """Tensors on chip and stripe buffers, by the time at which they begin.

    A tensor has its bytes from the first instruction that writes it to the end of the last one that reads it, or a
    tensor that it is a part of; one that is put together from others where they stand has no bytes of its own. Stripe
    buffers are in use from the first instruction of their layer that fills them to the last that empties them. Bytes
    may be taken over row by row, as those of a residual operand by the sum: they are the successor's from its first
    write on, and no two ranges share bytes.

    Args:
        planned: What ran.
        spans: When units had their instructions, of every layer.
    """
    times = _Times(spans)
    boxes = sorted(
        [*_tensors(planned, times), *_buffers(planned, times)],
        key=lambda box: (box["start"], box["address"], box["name"]),
    )
    for number, box in enumerate(boxes):
        taken = (later["start"] for later in boxes[number + 1 :] if _share_bytes(box, later))
        box["end"] = min([box["end"], *(start for start in taken if start > box["start"])])
    return boxes


def _share_bytes(box: MemoryBox, other: MemoryBox) -> bool:
    return box["address"] < other["address"] + other["bytes"] and other["address"] < box["address"] + box["bytes"]


class _Times:
    """First starts and last ends of the instructions of a layer, by opcode."""

    def __init__(self, spans: Iterable[Span]) -> None:
        found: dict[tuple[int, Opcode], list[Span]] = defaultdict(list)
        for span in spans:
            found[span.layer, span.opcode].append(span)
        self._starts = {key: min(span.start for span in group) for key, group in found.items()}
        self._ends = {key: max(span.end for span in group) for key, group in found.items()}

    def start(self, layers: Iterable[int], opcodes: Iterable[Opcode]) -> int:
        opcodes = tuple(opcodes)
        return min(self._starts[layer, code] for layer in layers for code in opcodes if (layer, code) in self._starts)

    def ends(self, layer: int, opcodes: Iterable[Opcode]) -> list[int]:
        return [self._ends[layer, code] for code in opcodes if (layer, code) in self._ends]


def _tensors(planned: Planned, times: _Times) -> list[MemoryBox]:
    plan = planned.plan
    addresses = plan.allocation.addresses
    makers = {task.output: number for number, task in enumerate(plan.tasks)}
    readers: dict[str, list[int]] = defaultdict(list)
    for number, task in enumerate(plan.tasks):
        for name in task.reads:
            readers[name].append(number)
    # What no task makes is an input of the network and loaded.
    starts = {
        name: times.start([makers[name]], _WRITERS) if name in makers else times.start(readers[name], [Opcode.LOAD])
        for name in addresses
        if name not in makers or not plan.allocation.views.needs_nothing(plan.tasks[makers[name]])
    }
    boxes: list[MemoryBox] = []
    for name, address in addresses.items():
        if name not in starts:
            continue
        ends: list[int] = []
        for member in plan.allocation.views.members(name):
            ends += times.ends(makers[member], (*_WRITERS, Opcode.STORE)) if member in makers else []
            for number in readers[member]:
                ends += times.ends(number, _READERS)
                if plan.tasks[number].residual == member:
                    ends += times.ends(number, [Opcode.DRAIN])
        for offset, size in _written(plan, name, plan.tasks[makers[name]] if name in makers else None):
            place, start, end = address + offset, starts[name], max(ends)
            boxes.append(MemoryBox(name=name, kind="tensor", address=place, bytes=size, start=start, end=end))
    return boxes


def _written(plan: Plan, name: str, task: Task | None) -> list[tuple[int, int]]:
    """Offset and bytes of what the task that makes a tensor writes of it: all, but for what stands there."""
    layout, views = plan.layouts[name], plan.allocation.views
    if not isinstance(task, GatherTask) or all(views.copied(task)):
        return [(0, layout.bytes)]
    words = [(first * views.columns // views.rows, end * views.columns) for first, end in views.columns_of(task)]
    planes = [(first, min(-(-end // views.rows), layout.planes)) for first, end in words]
    return [(first * layout.plane_bytes, (end - first) * layout.plane_bytes) for first, end in planes]


def _buffers(planned: Planned, times: _Times) -> list[MemoryBox]:
    plan = planned.plan
    boxes: list[MemoryBox] = []
    for number, (base, stripes) in enumerate(zip(plan.allocation.buffers, plan.allocation.stripes, strict=True)):
        if stripes.bytes:
            ends = times.ends(number, (*_READERS, Opcode.DRAIN, Opcode.STORE))
            if plan.tasks[number].output in plan.allocation.passed:
                ends += times.ends(number + 1, [Opcode.POOL])
            boxes.append(
                MemoryBox(
                    name=plan.tasks[number].name,
                    kind="buffers",
                    address=base,
                    bytes=stripes.bytes,
                    start=times.start([number], (Opcode.LOAD, *_WRITERS)),
                    end=max(ends),
                )
            )
    return boxes
