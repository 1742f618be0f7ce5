"""The certificate: what was proved of which files."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from tcugen.arch import Architecture
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import ProgramFiles
from tcugen.isa import INSTRUCTION_SET
from tcugen.model.entries import arrays_of, numbers_of
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.layer_config import write_layer_config

FORMAT = 1
FILE = "certificate.json"

PROVED = (
    "every element of every output is computed as the network and its integers define it, for every image",
    "every weight and parameter meets the products and channels that it belongs to",
    "no sum leaves the accumulators or 32 bits",
    "nothing is read before it is written, or outside its memory or window",
    "every two conflicting accesses are in order on any timing of the units and of memory",
    "the program ends, with every weight used and every ring and bank empty",
)


@dataclass(frozen=True)
class Certificate:
    """What a proof was about.

    Attributes:
        program, weights, manifest: SHA-256 of the three files.
        architecture, network, integers: SHA-256 of the architecture, the layer config and the integers.
        instruction_set: See `tcugen.isa.INSTRUCTION_SET`.
        counts: How much was looked at.
    """

    program: str
    weights: str
    manifest: str
    architecture: str
    network: str
    integers: str
    instruction_set: str
    counts: dict[str, int]

    @classmethod
    def of(
        cls, model: QuantizedNetwork, architecture: Architecture, files: ProgramFiles, counts: dict[str, int]
    ) -> "Certificate":
        """The certificate of files that were proved to compute a model."""
        of_files = cls.of_files(architecture, files)
        return cls(network=_network(model), integers=integers_sha256(model), counts=counts, **of_files)

    @staticmethod
    def of_files(architecture: Architecture, files: ProgramFiles) -> dict[str, str]:
        """What a certificate says of a program and a machine, whatever the network."""
        return {
            "program": _sha256(files.code),
            "weights": _sha256(files.weights.tobytes()),
            "manifest": _sha256(files.manifest),
            "architecture": _sha256(architecture.for_programs.to_json().encode()),
            "instruction_set": f"{INSTRUCTION_SET:08x}",
        }

    def hashes(self) -> dict[str, str]:
        """All that it is about, by name."""
        return {key: value for key, value in asdict(self).items() if key != "counts"}

    def to_json(self) -> str:
        """Text of `certificate.json`; the same proof gives the same bytes."""
        return json.dumps({"format": FORMAT, "proved": PROVED} | asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Certificate":
        """Inverse of `to_json`; raises NotCertified if the text is no certificate."""
        try:
            values: dict[str, Any] = json.loads(text)
            version = values.pop("format")
            proved = tuple(values.pop("proved"))
            if not all(isinstance(count, int) for count in values["counts"].values()):
                raise ValueError("its counts are not whole numbers")
            certificate = cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise NotCertified(f"{FILE} is no certificate ({type(error).__name__}: {error})") from None
        if version != FORMAT or proved != PROVED:
            raise NotCertified(f"{FILE} is of another version of the checker")
        return certificate


def integers_sha256(model: QuantizedNetwork) -> str:
    """Of all integers of a network: those of its nodes, and the zero points of its tensors."""
    found = hashlib.sha256()
    for name in model.network.shapes:
        quantization = model.tensors[name]
        found.update(f"{name} {quantization and quantization.zero_point}\n".encode())
    for node in model.network.nodes:
        integers = model.integers[node.name]
        found.update(f"{node.name} {numbers_of(integers)}\n".encode())
        for key, array in sorted(arrays_of(integers).items()):
            found.update(f"{key} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return found.hexdigest()


def _network(model: QuantizedNetwork) -> str:
    if len(model.network.inputs) == 1:
        return _sha256(write_layer_config(model.network).encode())
    return _sha256(repr(model.network).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
