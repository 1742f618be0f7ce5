"""What a machine is expected to take of an FPGA: the JSON of `tcugen estimate`."""

from typing import TypedDict

from tcugen.report.synth_report import EstimatedFigures


class EstimateFigures(TypedDict):
    """A machine, what it takes of a part, and what it does at a clock; `binds` is the scarcest resource."""

    format: int
    network: str
    part: str
    array: str
    architecture: dict[str, int]
    estimated: EstimatedFigures
    fits: bool
    binds: str
    predicted_cycles: int
    clock_mhz: float
    milliseconds: float
    images_per_second: float
    gops: float
    gb_per_s: float
