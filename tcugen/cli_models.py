"""The verbs that bring models in: arguments only, as in `cli`, which adds them."""

from pathlib import Path
from typing import Annotated

import typer

from tcugen.commands import import_model as import_command
from tcugen.commands import import_partition as partition_command
from tcugen.commands import quantize as quantize_command
from tcugen.console.outcome import one_clear_error
from tcugen.console.screen import screen


def import_model(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Quantized ONNX, QDQ or operator form, or .tflite file.")
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Output folder (the file's name).")] = None,
    partition: Annotated[bool, typer.Option("--partition", help="Leave to the host what cannot run.")] = False,
) -> None:
    """Turn a quantized model into a layer config, its integers and a reference model for ONNX Runtime."""
    console = screen()
    with one_clear_error():
        if partition:
            partition_command.import_partition(model, output, console)
        else:
            import_command.import_model(model, output, console)


def quantize(
    images: Annotated[Path, typer.Option(metavar="X.npy", help="float32 images to calibrate on.")],
    network: Annotated[str | None, typer.Option(metavar="NAME", help="Bundled ResNet.")] = None,
    module: Annotated[
        str | None, typer.Option(metavar="FILE.py:FACTORY", help="Function that returns any nn.Module.")
    ] = None,
    onnx: Annotated[Path | None, typer.Option(metavar="MODEL.onnx", help="Float ONNX model.")] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Trained weights: .safetensors or .pth.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Output folder (the network's name).")] = None,
    method: Annotated[str, typer.Option(help="How ranges are chosen: auto tries all and keeps the best.")] = "auto",
    output_type: Annotated[str, typer.Option(help="Type of the last layer: int32, int8 or auto.")] = "auto",
    test_images: Annotated[Path | None, typer.Option(metavar="T.npy", help="Images to judge the result by.")] = None,
    labels: Annotated[Path | None, typer.Option(metavar="L.npy", help="Their right classes.")] = None,
) -> None:
    """Quantize a trained float network, of PyTorch or ONNX."""
    console = screen()
    with one_clear_error():
        options = quantize_command.QuantizeOptions(
            network, module, weights, images, method, output_type, test_images, labels, onnx
        )
        quantize_command.quantize(options, output, console)
