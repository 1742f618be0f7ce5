"""Certificates of programs: written where programs are, held against the files by `tcugen check`."""

import json
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.certify.certificate import FILE, Certificate
from tcugen.certify.checker import certify
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import ProgramFiles, read_files
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import MARKER, PROGRAM_MARKER
from tcugen.console.sources import load_model
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.layer_config import read_layer_config
from tcugen.synthetic.placeholder import placeholder

LAYER_CONFIG = "layer-config.json"


def write_certificate(
    program: Path, model: QuantizedNetwork, architecture: Architecture, step: Callable[[str], None]
) -> None:
    """Prove that the program in a folder computes a model, and write the certificate beside it.

    Raises:
        UsageError: If it cannot be proved.
    """
    try:
        certificate = certify(model, architecture, read_files(program, architecture))
    except NotCertified as reason:
        raise UsageError(
            f"network {model.network.name}: its program is not certified: {reason}; this is a fault of tcugen, please "
            "report it (--no-certify writes the program without the proof)"
        ) from None
    (program / FILE).write_text(certificate.to_json())
    counts = certificate.counts
    step(
        f"certified for every image: {counts['tiles']:,} tiles, {counts['weight_bytes']:,} bytes of weights, "
        f"{counts['ordered_accesses']:,} accesses in order"
    )


def verdict_of(program: Path, architecture: Architecture, model: Path | None, console: Console) -> str:
    """What a program computes: proved again where the network and its integers are known, else by its certificate.

    Args:
        program: Folder of a program, maybe with a certificate.
        architecture: Of the machine.
        model: The model that it is said to compute; None to look for the network beside the program.
        console: What reading the model has to say goes there.

    Raises:
        UsageError: If it is not certified, or the certificate is of other files.
    """
    try:
        files = read_files(program, architecture)
        stored = _stored(program)
        quantized = load_model(model, console) if model is not None else _beside(program)
        if quantized is None:
            return _by_certificate(stored, files, architecture)
        proved = certify(quantized, architecture, files)
        if stored not in (None, proved):
            raise NotCertified(f"{FILE} is of other files than these; {_differing(stored, proved)}")
    except NotCertified as reason:
        raise UsageError(f"{program}: not certified: {reason}; build the program again") from None
    agrees = f"; {FILE} agrees" if stored else f"; there is no {FILE}"
    return f"computes {quantized.network.name} for every image, as proved just now{agrees}"


def _stored(program: Path) -> Certificate | None:
    path = program / FILE
    if not path.exists():
        return None
    try:
        return Certificate.from_json(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise NotCertified(f"{FILE} cannot be read ({error})") from None


def _beside(program: Path) -> QuantizedNetwork | None:
    """The network of the build that a program is in; None if its weights are no placeholders, which are elsewhere."""
    folder = program.resolve().parent
    for name in (MARKER, PROGRAM_MARKER):
        try:
            marker = json.loads((folder / name).read_text())
        except (OSError, ValueError):
            continue
        if isinstance(marker, dict) and "model_sha256" not in marker and (folder / LAYER_CONFIG).is_file():
            return placeholder(read_layer_config(folder / LAYER_CONFIG))
    return None


def _by_certificate(stored: Certificate | None, files: ProgramFiles, architecture: Architecture) -> str:
    if stored is None:
        return f"what it computes is not known: there is no {FILE}; --model FILE proves that it computes a model"
    found = Certificate.of_files(architecture, files)
    named = stored.hashes()
    if any(named[key] != value for key, value in found.items()):
        differing = ", ".join(key for key, value in found.items() if named[key] != value)
        raise NotCertified(f"{FILE} is of other files than these ({differing})")
    return (
        f"{FILE} is of these files: they compute the network of integers {stored.integers[:16]} for every image; the "
        "network is not beside the program: --model FILE proves it again"
    )


def _differing(stored: Certificate | None, proved: Certificate) -> str:
    assert stored is not None, "there is one to differ"
    ours, theirs = proved.hashes() | proved.counts, stored.hashes() | stored.counts
    return "it differs in " + ", ".join(key for key in ours if ours[key] != theirs.get(key))
