"""From a quantized network and an architecture to a program."""

from collections.abc import Callable
from dataclasses import dataclass

from tcugen.arch import Architecture
from tcugen.compiler.allocate import Allocation, allocate
from tcugen.compiler.bands import JOB_CYCLES
from tcugen.compiler.check import check_program
from tcugen.compiler.emit import Home, numbered
from tcugen.compiler.layouts import align, choose_layouts
from tcugen.compiler.lower import Task, lower
from tcugen.compiler.schedule import Scheduler
from tcugen.compiler.tile import Strip, strip_of
from tcugen.isa import Window
from tcugen.model.quantized import QuantizedNetwork
from tcugen.program import Layer, Port, Program, TensorLayout

MOST_CODE = 0.01
"""Share of the weights' bytes that instructions may weigh in a network that runs in bands, where it can be had."""

_PORT_BYTES = 64
"""Alignment of tensors inside their windows: the widest bus."""


@dataclass(frozen=True)
class Plan:
    """A network before it becomes instructions: tasks, layouts by tensor, strips by task, what lives where."""

    tasks: tuple[Task, ...]
    layouts: dict[str, TensorLayout]
    strips: tuple[Strip | None, ...]
    allocation: Allocation

    @property
    def has_bands(self) -> bool:
        """Some task runs in more than one piece for lack of space."""
        return any(len(bands.bands) * len(bands.chunks) > 1 for bands in self.allocation.bands)


def plan_network(model: QuantizedNetwork, architecture: Architecture, job_cycles: int = JOB_CYCLES[0]) -> Plan:
    """Everything that is decided before instructions are emitted.

    Raises:
        CompileError: As `compile_network`.
    """
    tasks = lower(model, architecture)
    layouts = choose_layouts(model.network.inputs, tasks, architecture)
    strips = tuple(None if task.op == "pool" else strip_of(task, layouts[task.input], architecture) for task in tasks)
    return Plan(tasks, layouts, strips, allocate(tasks, layouts, strips, architecture, job_cycles))


def _homes(names: tuple[str, ...], window: Window, layouts: dict[str, TensorLayout]) -> tuple[dict[str, Home], int]:
    """Offsets of tensors in a window, one behind the other, and the window's size."""
    homes, size = {}, 0
    for name in names:
        homes[name] = Home(window, size)
        size = align(size + layouts[name].bytes, _PORT_BYTES)
    return homes, size


def compile_network(
    model: QuantizedNetwork, architecture: Architecture, progress: Callable[[str], None] | None = None
) -> Program:
    """Compile a network; the same model and architecture give the same bytes.

    Args:
        model: The graph and its integers.
        architecture: What to compile for.
        progress: Called with one line of text per step.

    Raises:
        CompileError: If the network cannot run on this architecture. Names node, value, rule and remedy.
    """
    report = progress or (lambda line: None)
    report("allocating")
    plan = plan_network(model, architecture)
    program = _schedule(model, architecture, plan, report)
    if plan.has_bands and not _is_small(program):
        program = _with_less_code(model, architecture, program, report)
    report("checking")
    check_program(program)
    return program


def _is_small(program: Program) -> bool:
    return len(program.code) < MOST_CODE * len(program.weights)


def _with_less_code(
    model: QuantizedNetwork, architecture: Architecture, program: Program, report: Callable[[str], None]
) -> Program:
    """The first program of fewer bands with little enough code, or `program` if there is none."""
    for job_cycles in JOB_CYCLES[1:]:
        report(f"{len(program.code):,} bytes of code for {len(program.weights):,} bytes of weights: taking fewer bands")
        smaller = _schedule(model, architecture, plan_network(model, architecture, job_cycles), report)
        if _is_small(smaller):
            return smaller
    return program


def _schedule(
    model: QuantizedNetwork, architecture: Architecture, plan: Plan, report: Callable[[str], None]
) -> Program:
    tasks, layouts, allocation = plan.tasks, plan.layouts, plan.allocation
    inputs = tuple(name for name, _ in model.network.inputs)
    outputs = tuple(task.output for task in tasks if not model.network.consumers[task.output])
    spilled = tuple(
        task.output for task in tasks if not allocation.is_resident(task.output) and task.output not in outputs
    )
    input_homes, input_bytes = _homes(inputs, Window.INPUT, layouts)
    output_homes, output_bytes = _homes(outputs, Window.OUTPUT, layouts)
    scratch_homes, scratch_bytes = _homes(spilled, Window.SCRATCH, layouts)
    scheduler = Scheduler(
        architecture=architecture,
        tasks=tasks,
        layouts=layouts,
        strips=plan.strips,
        allocation=allocation,
        homes=input_homes | output_homes | scratch_homes,
        inputs=frozenset(inputs),
        outputs=frozenset(outputs),
        progress=report,
    )
    instructions, observations = numbered(scheduler.run())
    return Program(
        architecture=architecture,
        network=model.network.name,
        mac_count=model.network.mac_count,
        instructions=instructions,
        weights=scheduler.weights.finish(),
        inputs=tuple(Port(name, input_homes[name].offset, layouts[name]) for name in inputs),
        outputs=tuple(Port(name, output_homes[name].offset, layouts[name]) for name in outputs),
        input_bytes=input_bytes,
        output_bytes=output_bytes,
        scratch_bytes=scratch_bytes,
        layers=tuple(Layer(task.nodes, task.output) for task in tasks),
        tensors={task.output: layouts[task.output] for task in tasks},
        observations=observations,
    )
