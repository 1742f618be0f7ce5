"""Options of the command line that several verbs have."""

from pathlib import Path
from typing import Annotated

import typer

LayerConfig = Annotated[
    str | None, typer.Option("--layer-config", metavar="FILE|NAME", help="Layer config or bundled name.")
]
Model = Annotated[Path | None, typer.Option("--model", metavar="FILE", help="Quantized ONNX or saved model instead.")]
Array = Annotated[str | None, typer.Option(metavar="ROWSxCOLUMNS", help="Fix the array, e.g. 16x16.")]
Multipliers = Annotated[int | None, typer.Option(help="Most multipliers (256 unless --array says more).")]
ActivationKib = Annotated[int | None, typer.Option(help="Fix the activation memory, in KiB.")]
MaxActivationKib = Annotated[int | None, typer.Option(help="Largest activation memory in KiB (1280).")]
BusBytes = Annotated[int | None, typer.Option(help="Bytes per AXI4 beat (8).")]
AccumulatorBits = Annotated[int | None, typer.Option(help="Fix the accumulator's width.")]
AccumulatorDepth = Annotated[int | None, typer.Option(help="Fix the pixels per accumulator bank.")]
WeightTiles = Annotated[int | None, typer.Option(help="Fix the weight ring, in tiles.")]
ParameterGroups = Annotated[int | None, typer.Option(help="Fix the parameter ring, in groups.")]
OutputLanes = Annotated[int | None, typer.Option(help="Fix the lanes of the output stage.")]
BusAddressBits = Annotated[int | None, typer.Option(help="Width of AXI4 addresses (40).")]

Part = Annotated[str | None, typer.Option("--part", metavar="NAME|FILE", help="FPGA: see `tcugen parts`; or a file.")]
RequiredPart = Annotated[str, typer.Option("--part", metavar="NAME|FILE", help="FPGA: see `tcugen parts`; or a file.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]
SyntheticOrImages = Annotated[
    str | None,
    typer.Option(metavar="NUMBER|FILE", help="How many synthetic images (1), or with --model a .npy file of images."),
]
Compare = Annotated[
    list[Path] | None, typer.Option(metavar="FILE.onnx", help="Another ONNX file to compare with; repeatable.")
]
ModuleFactory = Annotated[
    str | None, typer.Option(metavar="FILE.py:FACTORY", help="Function that returns any nn.Module.")
]
