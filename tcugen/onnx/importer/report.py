"""What an import did to a model."""

from dataclasses import asdict, dataclass

from tcugen.onnx.importer.parameters import BiasError


@dataclass(frozen=True)
class ImportReport:
    """Everything in which the network is not literally what the file says.

    Attributes:
        source, network: The file, the name of the network.
        notes: What was assumed or left out.
        origins: Node in the file by node of the network.
        bias_errors: Of every bias that was real, or integer in another scale than that of the sums.
        recoded_weights: Nodes in the file whose weights had a zero point.
        folded_normalisations: Batch normalisations that became part of a convolution.
        shifted_tensors: Tensors that the file has as uint8.
        requantised: Nodes of the network that change a scale alone.
        dead_channels: How many channels are constant, whatever the image, by node of the network.
        output_scale: Real value of one step of the first output; None if it differs between channels.
    """

    source: str
    network: str
    notes: tuple[str, ...]
    origins: dict[str, str]
    bias_errors: tuple[BiasError, ...]
    recoded_weights: tuple[str, ...]
    folded_normalisations: tuple[str, ...]
    shifted_tensors: tuple[str, ...]
    requantised: tuple[str, ...]
    dead_channels: dict[str, int]
    output_scale: float | None

    def to_dict(self) -> dict[str, object]:
        return {"format": 1, **asdict(self)}

    def lines(self) -> list[str]:
        """For people: one line per kind of change that took place."""
        lines = list(self.notes)
        if self.bias_errors:
            worst = max(self.bias_errors, key=lambda error: error.steps)
            lines.append(
                f"{len(self.bias_errors)} biases rounded to the scale of their sums, at most {worst.steps:.3f} steps "
                f"off ({worst.node}: {worst.real:.3g})"
            )
        counts = (
            (self.recoded_weights, "weight tensors freed of their zero point"),
            (self.folded_normalisations, "batch normalisations folded into the convolution before them"),
            (self.shifted_tensors, "uint8 tensors moved to int8"),
            (self.requantised, "changes of scale became nodes of their own"),
        )
        if self.dead_channels:
            total, layers = sum(self.dead_channels.values()), tuple(self.dead_channels)
            lines.append(f"{total} channels whose multiplier is below 2**-40 are constant, in {_few(layers)}")
        lines += [f"{len(names)} {what}: {_few(names)}" for names, what in counts if names]
        return lines


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
