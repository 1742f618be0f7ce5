"""From a quantized network and an architecture to a program."""

from collections.abc import Callable
from dataclasses import replace

from tcugen.arch import Architecture
from tcugen.compiler.check import check_program
from tcugen.compiler.integers import TaskIntegers, int32_outputs, integers_of
from tcugen.compiler.weights import weight_image
from tcugen.isa import EncodingError, Instruction, Opcode
from tcugen.mapping.errors import CompileError
from tcugen.mapping.tasks import tasks_of
from tcugen.model.quantized import QuantizedNetwork
from tcugen.planning.planned import Planned
from tcugen.planning.search import best_plan
from tcugen.program import Layer, Program
from tcugen.schedule.schedule import Schedule


def compile_network(
    model: QuantizedNetwork,
    architecture: Architecture,
    progress: Callable[[str], None] | None = None,
    planned: Planned | None = None,
) -> Program:
    """Compile a network; the same model and architecture give the same bytes.

    Args:
        model: The graph and its integers.
        architecture: What to compile for.
        progress: Called with one line of text per step.
        planned: What `best_plan` gave for this network, architecture and these 32-bit outputs; asked again if None.

    Raises:
        CompileError: If the network cannot run on this architecture. Names node, value, rule and remedy.
    """
    report: Callable[[str], None] = progress or (lambda _line: None)
    sums = int32_outputs(model)
    integers = integers_of(model, tasks_of(model.network, sums, bool(architecture.depthwise)), architecture)
    if planned is None:
        report("planning")
        planned = best_plan(model.network, architecture, sums, report)
    program = bind(planned.schedule, integers, model)
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
        shared=schedule.plan.shared,
    )


def _bound(instruction: Instruction, integers: TaskIntegers | None, node: str) -> Instruction:
    if integers is None:
        return instruction
    if instruction.opcode == Opcode.COMPUTE:
        fields = integers.compute_fields
    elif instruction.opcode == Opcode.DRAIN:
        fields = integers.drain_fields
    elif instruction.opcode == Opcode.POOL:
        fields = integers.pool_fields
    else:
        return instruction
    try:
        return replace(instruction, fields=instruction.fields | fields)
    except EncodingError as error:
        raise CompileError(f"node {node!r}: {error}; the number is too large for the instruction set") from error
