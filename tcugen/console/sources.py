"""Where a command's numbers come from: synthetic, from a seed, or a trained model and images from files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tcugen.console.outcome import UsageError
from tcugen.network.graph import Network
from tcugen.network.layer_config import load_network
from tcugen.network.select import select
from tcugen.report.run_report import Origin

if TYPE_CHECKING:
    from tcugen.model.images import Images, Tensors
    from tcugen.model.quantized import QuantizedNetwork


@dataclass(frozen=True)
class SeedSource:
    """A network whose weights and images follow from a seed.

    Attributes:
        network: The whole network.
        seed, images: Seed, number of images.
        int32_output: Let a last conv or linear store its 32-bit sums.
    """

    network: Network
    seed: int
    images: int
    int32_output: bool

    @property
    def origin(self) -> Origin:
        """What the figures say about where the numbers come from."""
        return {"seed": self.seed}

    def workload(self, only: Sequence[str], console: Console) -> tuple["QuantizedNetwork", "Tensors"]:
        """The nodes `only`, or all, with integers, and int8 [n, C, H, W] by name of network input."""
        from tcugen.synthetic.integers import synthesise

        network = select(self.network, only) if only else self.network
        console.print(f"integers of {network.name} from seed {self.seed}", highlight=False, markup=False)
        return synthesise(network, self.seed, self.images, self.int32_output)


@dataclass(frozen=True, eq=False)
class FileSource:
    """A trained model and images.

    Attributes:
        model: The whole network with its integers.
        images: [n, C, H, W], the model's input.
        paths: Of the model and the images, for the figures.
    """

    model: "QuantizedNetwork"
    images: "Images"
    paths: tuple[Path, Path]

    @property
    def network(self) -> Network:
        return self.model.network

    @property
    def origin(self) -> Origin:
        return {"model": str(self.paths[0]), "images": str(self.paths[1])}

    def workload(self, only: Sequence[str], console: Console) -> tuple["QuantizedNetwork", "Tensors"]:
        """As `SeedSource.workload`; an extract reads what the nodes before it make of the images."""
        from tcugen import golden
        from tcugen.model.extract import extract, extract_inputs
        from tcugen.model.images import image_quantization, quantise_images

        part = extract(self.model, only) if only else self.model
        name = self.network.inputs[0][0]
        inputs = {name: quantise_images(self.images, image_quantization(self.model))}
        if only:
            console.print("golden: what the nodes in front make of the images", highlight=False)
            inputs = extract_inputs(part, inputs | golden.run(self.model, inputs))
        return part, inputs


Source = SeedSource | FileSource


def open_source(
    layer_config: str | None,
    model: Path | None,
    images: str | None,
    seed: int,
    int32_output: bool,
    console: Console,
) -> Source:
    """The source that the flags of a command mean.

    Args:
        layer_config, model: The network, one of them: layer-config file or bundled name, or a trained model.
        images: With a model the path of the images; else their number, 1 if None.
        seed, int32_output: Without a model.

    Raises:
        UsageError: If flags are missing, contradict each other or are outside their range.
        NetworkError, ModelError: If the network, model or images cannot be read.
    """
    network = one_network(layer_config, model)
    if isinstance(network, str):
        return _seed_source(network, images, seed, int32_output, console)
    if int32_output:
        raise UsageError("--int32-output is for synthetic integers, but a model has its own last layer; leave it out")
    if images is None:
        raise UsageError("--model needs images to run on, but --images is missing; give a .npy file of float32 images")
    from tcugen.model.images import read_images

    loaded = load_model(network, console)
    path = Path(images)
    entry, shape = loaded.network.inputs[0]
    return FileSource(loaded, read_images(path, shape, loaded.form(entry)), (network, path))


def one_network(layer_config: str | None, model: Path | None) -> str | Path:
    """The one that is given: a str is a layer config, a Path a model. Raises UsageError unless it is exactly one."""
    if layer_config is not None and model is None:
        return layer_config
    if model is not None and layer_config is None:
        return model
    found = "neither is given" if model is None else "both are given"
    raise UsageError(f"either --layer-config or --model must name the network, but {found}; give one of them")


def load_model(path: Path, console: Console) -> "QuantizedNetwork":
    """A model that tcugen saved, or else an ONNX or .tflite file; prints what the import changed.

    Raises:
        ModelError: If it cannot be read or cannot run.
    """
    from tcugen.model.store import is_stored, load
    from tcugen.partition.stored import is_partition

    if is_partition(path):
        raise UsageError(
            f"{path} holds a model in parts, which evaluate and simulate run; give one of its parts, such as "
            f"{path / 'part1' / 'model.npz'}"
        )
    if is_stored(path):
        return load(path)
    from tcugen.tflite.any_file import import_file

    imported = import_file(path)
    for line in imported.report.lines():
        console.print(f"{path.name}: {line}", highlight=False, markup=False, soft_wrap=True)
    return imported.model


def _seed_source(layer_config: str, images: str | None, seed: int, int32_output: bool, console: Console) -> SeedSource:
    try:
        count = 1 if images is None else int(images)
    except ValueError:
        raise UsageError(
            f"--images is {images!r}, but without --model it must be a number of images; write for example 2"
        ) from None
    if count < 1:
        raise UsageError(f"--images is {count}, but it must be at least 1")
    if seed < 0:
        raise UsageError(f"--seed is {seed}, but it must not be negative; write for example 0")
    network, note = load_network(layer_config)
    if note:
        console.print(note, highlight=False, markup=False)
    return SeedSource(network, seed, count, int32_output)
