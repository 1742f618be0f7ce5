"""What a .tflite file becomes, run by everything that there is, LiteRT included."""

from pathlib import Path

import numpy as np

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.evaluate.compare import Evaluated, compare_reference
from tcugen.evaluate.emulate import emulate_all
from tcugen.mapping.tasks import tasks_of
from tcugen.model.images import image_quantization, quantise_images
from tcugen.model.validate import validate
from tcugen.sizing.optional import optional_hardware
from tcugen.tflite.host import host_part
from tcugen.tflite.importer import ImportedTflite, import_tflite
from tcugen.tflite.litert import Kernels, run_litert


def steps_from_litert(path: Path, images: np.ndarray, kernels: Kernels = Kernels.DEFAULT) -> np.ndarray:
    """How many steps each element of the first output is from LiteRT's, once golden, emulator and ONNX Runtime agree.

    Args:
        path: The file.
        images: Exactly its input.
        kernels: Those of LiteRT.
    """
    result = import_tflite(path)
    model = result.imported.model
    validate(model)
    entry, shape = model.network.inputs[0]
    planes = model.form(entry).to_network(images, shape)
    own = golden.run(model, {entry: quantise_images(planes, image_quantization(model))})
    optional = dict.fromkeys(optional_hardware(tasks_of(model.network)), 1)
    program = compile_network(model, Architecture(rows=4, columns=4, output_lanes=1, **optional))
    emulated = emulate_all(model, program, planes)
    for name, output in emulated.items():
        assert np.array_equal(own[name], output), name
    assert compare_reference(Evaluated(model, planes, emulated, None), lambda _: None).equal == len(images)
    first = model.network.outputs[0]
    return np.abs(emulated[first].astype(np.int64) - litert(result, path, images, kernels))


def litert(result: ImportedTflite, path: Path, images: np.ndarray, kernels: Kernels) -> np.ndarray:
    """The first output as LiteRT has it, in the network's order and as its integers."""
    model = result.imported.model
    first = model.network.outputs[0]
    form, shape = model.form(first), model.network.shapes[first]
    tensors = host_part(result.file).outputs[:1]
    found = np.concatenate([arrays[0] for arrays in run_litert(path, images, tensors, kernels)])
    found = form.to_network(found.reshape(len(images), *form.shape(shape)), shape)
    if found.dtype == np.float32:
        quantization = model.quantization(first)
        return np.rint(found / quantization.scale).astype(np.int64) + quantization.zero_point
    return found.astype(np.int64) - (128 if found.dtype == np.uint8 else 0)
