"""What a .tflite file ends in that the host does."""

from dataclasses import dataclass

from tcugen.tflite.file import TfliteModel
from tcugen.tflite.operators import LEFT_TO_HOST

_CHANGES = ("QUANTIZE", "DEQUANTIZE", "RESHAPE")
"""Operators that may follow there."""


@dataclass(frozen=True)
class HostPart:
    """Operators at the end of a file.

    Attributes:
        outputs: Numbers of the tensors that the hardware makes instead of the file's outputs.
        operators: Numbers of the operators that are left out.
        notes: For people, one line each.
    """

    outputs: tuple[int, ...]
    operators: frozenset[int]
    notes: tuple[str, ...]


def host_part(model: TfliteModel) -> HostPart:
    """The softmax or largest value that outputs are made by, and what only changes its type or shape."""
    producers = {index: number for number, op in enumerate(model.operators) for index in op.outputs}
    readers = [index for op in model.operators for index in op.inputs]
    outputs, left, notes = list[int](), set[int](), list[str]()
    for output in model.outputs:
        chain, index = list[int](), output
        while index in producers and readers.count(index) == len(chain[-1:]):
            number = producers[index]
            operator = model.operators[number]
            known = operator.op in (*_CHANGES, *LEFT_TO_HOST) and operator.has_input(0)
            if not known or index != operator.outputs[0]:
                break
            chain.append(number)
            index = operator.inputs[0]
            if operator.op in LEFT_TO_HOST and index in producers:
                notes.append(f"{operator.name} ({operator.op}) is left to the host: what goes into it is the output")
                left.update(chain)
                output = index
                break
        outputs.append(output)
    return HostPart(tuple(dict.fromkeys(outputs)), frozenset(left), tuple(notes))
