"""Packages that are looked for by name: what needs them, and how to get them."""

import importlib
from dataclasses import dataclass

from tcugen.console.outcome import UsageError
from tcugen.simulator.environment import require_tools


@dataclass(frozen=True)
class Package:
    """A package that tcugen uses.

    Attributes:
        purpose: The verbs that need it.
        remedy: The command that installs it.
        module: What is imported, where that has another name.
    """

    purpose: str
    remedy: str
    module: str = ""


_BUILD = "pip install tcugen"
_VERIFY = "pip install 'tcugen[verify]'"
_TFLITE = "pip install 'tcugen[tflite]'"
_EXPORT = "pip install 'tcugen[export]'"

PACKAGES = {
    "amaranth": Package("build", _BUILD),
    "numpy": Package("build", _BUILD),
    "torch": Package("simulate, shapes, bench, diff, speed, quantize", _VERIFY),
    "onnx": Package("import, quantize, --model FILE.onnx", _VERIFY),
    "onnxruntime": Package("comparison with ONNX Runtime", _VERIFY),
    "tflite": Package("import, --model FILE.tflite", _TFLITE),
    "ai-edge-litert": Package("evaluate --compare FILE.tflite", _TFLITE, "ai_edge_litert"),
    "safetensors": Package("quantize --weights FILE.safetensors", "pip install 'tcugen[quantize]'"),
    "systemrdl-compiler": Package("export --format verilog", _EXPORT, "systemrdl"),
    "peakrdl-ipxact": Package("export --format verilog", _EXPORT, "peakrdl_ipxact"),
    "peakrdl-html": Package("export --format verilog", _EXPORT, "peakrdl_html"),
    "peakrdl-cheader": Package("export --format verilog", _EXPORT, "peakrdl_cheader"),
    "cocotb": Package("benches in sim/", "pip install 'tcugen[test]'"),
}
"""By the name of the distribution."""


def require(verb: str, *names: str) -> None:
    """Raises UsageError, which names the package and the remedy, unless all of these packages can be imported.

    To be called before any work is done or any file removed.
    """
    for name in names:
        remedy = f"run `{PACKAGES[name].remedy}`"
        module = PACKAGES[name].module or name
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            problem = "but it is not installed" if error.name == module else f"which lacks the module {error.name}"
            raise UsageError(f"{verb} needs the package {name}, {problem}; {remedy}") from error
        except ImportError as error:
            raise UsageError(f"{verb} needs the package {name}, which cannot be imported: {error}; {remedy}") from error


def require_simulation(verb: str) -> None:
    """As `require`, for a verb that runs the RTL on integers from PyTorch.

    Raises:
        UsageError: If a package is missing.
        EnvironmentProblem: If Verilator, g++, make or perl is missing.
    """
    require(verb, "torch")
    require_tools()
