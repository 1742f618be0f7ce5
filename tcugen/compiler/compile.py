"""From a quantized network and an architecture to a program."""

from collections.abc import Callable
from dataclasses import replace

from tcugen.arch import Architecture
from tcugen.compiler.check import check_program
from tcugen.compiler.integers import TaskIntegers, int32_outputs, integers_of
from tcugen.compiler.weights import weight_image
from tcugen.isa import EncodingError, Instruction, Opcode
from tcugen.mapping.errors import CompileError
from tcugen.mapping.plan import Plan, plan_network
from tcugen.mapping.stripes import ITEM_CYCLES
from tcugen.model.quantized import QuantizedNetwork
from tcugen.program import Layer, Program, code_of
from tcugen.schedule.schedule import Schedule, schedule_plan

MOST_CODE = 0.01
"""Share of the weights' bytes that instructions may weigh in a network that runs in stripes, where it can be had."""


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
    report = progress or (lambda _line: None)
    report("allocating")
    sums = int32_outputs(model)
    plan = plan_network(model.network, architecture, sums)
    integers = integers_of(model, plan.tasks, architecture)
    schedule = schedule_plan(plan, report)
    if plan.has_stripes and not _is_small(schedule):
        schedule = _with_less_code(plan, sums, schedule, report)
    program = bind(schedule, integers, model)
    report("checking")
    check_program(program)
    return program


def bind(schedule: Schedule, integers: tuple[TaskIntegers | None, ...], model: QuantizedNetwork) -> Program:
    """The program of a schedule with the integers of its tasks in instructions and weights.

    Raises:
        CompileError: If an integer does not fit its field.
    """
    tasks = schedule.plan.tasks
    return Program(
        architecture=schedule.plan.architecture,
        network=model.network.name,
        mac_count=model.network.mac_count,
        instructions=tuple(_bound(i, integers[i["layer"]], tasks[i["layer"]].name) for i in schedule.instructions),
        weights=weight_image(schedule, integers),
        inputs=schedule.inputs,
        outputs=schedule.outputs,
        input_bytes=schedule.input_bytes,
        output_bytes=schedule.output_bytes,
        scratch_bytes=schedule.scratch_bytes,
        layers=tuple(Layer(task.nodes, task.output) for task in tasks),
        tensors={task.output: schedule.plan.layouts[task.output] for task in tasks},
        observations=schedule.observations,
    )


def _bound(instruction: Instruction, integers: TaskIntegers | None, node: str) -> Instruction:
    if integers is None:
        return instruction
    if instruction.opcode == Opcode.COMPUTE:
        fields = integers.compute_fields
    elif instruction.opcode == Opcode.DRAIN:
        fields = integers.drain_fields
    else:
        return instruction
    try:
        return replace(instruction, fields=instruction.fields | fields)
    except EncodingError as error:
        raise CompileError(f"node {node!r}: {error}; the number is too large for the instruction set") from error


def _is_small(schedule: Schedule) -> bool:
    return len(code_of(schedule.instructions)) < MOST_CODE * schedule.weight_bytes


def _with_less_code(plan: Plan, sums: frozenset[str], schedule: Schedule, report: Callable[[str], None]) -> Schedule:
    """The first schedule of fewer stripes with little enough code, or `schedule` if there is none."""
    for item_cycles in ITEM_CYCLES[1:]:
        code = len(code_of(schedule.instructions))
        report(f"{code:,} bytes of code for {schedule.weight_bytes:,} bytes of weights: taking fewer stripes")
        smaller = schedule_plan(plan_network(plan.network, plan.architecture, sums, item_cycles), report)
        if _is_small(smaller):
            return smaller
    return schedule
