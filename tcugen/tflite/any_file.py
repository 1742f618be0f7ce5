"""A quantized model from a file of either format."""

from pathlib import Path

from tcugen.onnx.importer.onnx_model import ImportedModel, import_onnx
from tcugen.tflite.file import is_tflite
from tcugen.tflite.importer import import_tflite


def import_file(path: Path | str) -> ImportedModel:
    """Import a .tflite file, or else an ONNX file; errors as those of `import_tflite` and `import_onnx`."""
    return import_tflite(path).imported if is_tflite(path) else import_onnx(path)
