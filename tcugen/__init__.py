"""A generator of tensor compute units: from the layers of a network to Verilog, program and proof.

What `tcugen.api` describes can be had from here: `tcugen.load`, `tcugen.size` and so on.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tcugen.api import (
        Architecture,
        LayerFigures,
        MachineFlags,
        Run,
        Workload,
        compile,
        emit,
        frame,
        layers,
        load,
        simulate,
        size,
    )

__all__ = [
    "Architecture",
    "LayerFigures",
    "MachineFlags",
    "Run",
    "Workload",
    "__version__",
    "compile",
    "emit",
    "frame",
    "layers",
    "load",
    "simulate",
    "size",
]


def __dir__() -> list[str]:
    """Names of `__all__` too, so that they complete before they are read."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    """Names of `__all__`, from `tcugen.api`, which is read at the first of them: parts of tcugen need not all of it."""
    if name not in __all__:
        raise AttributeError(f"module 'tcugen' has no attribute {name!r}")
    from tcugen import api

    return getattr(api, name)
