"""A program as readable text, one instruction per line."""

from tcugen.isa import OWN_FIELDS, SHARED_FIELDS, Instruction, Opcode, Unit, Window
from tcugen.program import Observation, Program


def _waits(instruction: Instruction) -> str:
    waits = [(unit.name.lower(), instruction[f"wait_{unit.name.lower()}"]) for unit in Unit]
    return " ".join(f"{name}>={count}" for name, count in waits if count)


def _fields(instruction: Instruction) -> str:
    """Every field that is not 0; addresses and offsets of memory in hexadecimal."""
    shown: list[str] = []
    for field in (*OWN_FIELDS[instruction.opcode], *SHARED_FIELDS[instruction.opcode]):
        value = instruction[field.name]
        if field.name == "window":
            shown.append(f"window={Window(value).name}")
        elif value:
            in_hex = not field.signed and field.bits >= 24 and not field.name.endswith("multiplier")
            shown.append(f"{field.name}={value:#x}" if in_hex else f"{field.name}={value}")
    return " ".join(shown)


def _written(observation: Observation) -> str:
    place = f"{observation.tensor}[{observation.channel0}, {observation.y0}, {observation.x0}]"
    return f"  ; writes {place} and on"


def disassemble(program: Program) -> str:
    """Listing of a program: a heading per change of layer, then offset, opcode, waits and fields of each instruction.

    Fields that are 0 are left out. DRAIN and POOL end with the tensor and the channel, row and column they start at.
    """
    observations = {observation.instruction: observation for observation in program.observations}
    lines = [
        f"; {program.network}: {len(program.instructions)} instructions in {len(program.code)} bytes, "
        f"{program.weights.size} bytes of weights and parameters, windows INPUT {program.input_bytes}, "
        f"OUTPUT {program.output_bytes}, SCRATCH {program.scratch_bytes}"
    ]
    layer = None
    for index, (offset, instruction) in enumerate(zip(program.code_offsets, program.instructions, strict=True)):
        if instruction.opcode != Opcode.END and instruction["layer"] != layer:
            layer = instruction["layer"]
            lines.append(f"; layer {layer}: {' + '.join(program.layers[layer].nodes)}")
        parts = [f"{offset:06x}  {instruction.opcode.name:<7}"]
        parts += [part for part in (_fields(instruction), _waits(instruction)) if part]
        line = "  ".join(parts)
        lines.append(line + _written(observations[index]) if index in observations else line)
    return "\n".join(lines) + "\n"
