"""POOL with `depthwise`: whether each result is that of a depthwise convolution, weight by weight.

The weights are bytes of window WEIGHTS, which a LOAD has brought on chip: their symbols say which, so what they are is
known, and is compared with the layer's integers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import DEPTHWISE_COLUMNS, PARAMETER_BYTES, Architecture
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import Claim
from tcugen.certify.memory import ActivationMemory
from tcugen.certify.order import Work
from tcugen.certify.symbols import NOBODYS, Numbering
from tcugen.isa import Instruction
from tcugen.model.integers import WeightedIntegers
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Conv

Ints = NDArray[np.int64]

_MULTIPLIERS = 2.0**-40, 2.0**8
_ONE = np.float32(1).view(np.uint32)
"""Multiplier of channels that do not exist."""


@dataclass(frozen=True, eq=False)
class Depthwise:
    """Checks the depthwise POOLs of a program.

    Attributes:
        model: The network and its integers.
        architecture, numbering, memory: Of the machine and the run.
        weights: Contents of window WEIGHTS.
    """

    model: QuantizedNetwork
    architecture: Architecture
    numbering: Numbering
    memory: ActivationMemory
    weights: NDArray[np.uint8]

    def run(self, one: Instruction, claim: Claim, work: Work) -> int:
        """Check one POOL and write its elements; returns how many products of an element and a weight they take.

        Raises:
            NotCertified: If the results are not those of the claim.
        """
        network, word = self.model.network, self.architecture.rows
        node = self._node(one, claim)
        source, target = network.shapes[node.inputs[0]], network.shapes[node.name]
        if (claim.x0, claim.x_channels, claim.y_step, claim.x_step) != (0, 0, 1, 1) or claim.channel0 % word:
            raise NotCertified("makes no whole rows of channel blocks")
        channels = claim.channel0 + np.arange(one["n_groups"])[:, None] * word + np.arange(word)
        y = np.arange(one["n_y"])[:, None]
        if (
            claim.channel0 < 0
            or claim.y0 < 0
            or claim.y0 + one["n_y"] > target.height
            or (channels[:, 0] >= target.channels).any()
        ):
            raise NotCertified(f"makes elements that {claim.tensor!r} does not have")
        exists = channels < target.channels
        self._check_weights(one, node, work, channels, exists)
        # [rows, kernel rows, columns]
        rows, columns = y * node.stride[0] + np.arange(node.kernel[0]), np.arange(one["n_x"])
        iy, ix = one["iy0"] + rows, one["ix0"] + columns
        inside = ((iy >= 0) & (iy < source.height))[..., None] & ((ix >= 0) & (ix < source.width))
        group = np.arange(one["n_groups"])[:, None, None]
        words = group[..., None] * one["group_step"] + (rows * one["row_step"])[..., None] + columns * word
        read = self.memory.bounded(one["base"] + words[:, inside])
        pixels = np.arange(target.width)
        out = one["out_base"] + group * one["out_group_step"] + y * one["out_row_step"] + pixels * word
        out = self.memory.bounded(out)
        if (read % word).any() or (out % word).any() or np.isin(out, read).any():
            raise NotCertified(f"writes over what it reads, or addresses are no multiples of {word}")
        if np.isin(out, self._block_places(one)).any():
            raise NotCertified("writes over weights, which it may read after that")
        found = self.memory.read(work, read[..., None] + np.arange(word))
        where = np.nonzero(inside)
        expected = self.numbering.elements(
            node.inputs[0], channels[:, None, :], iy[where[0], where[1]][:, None], ix[where[2]][:, None]
        )
        if (wrong := (found != expected) & exists[:, None]).any():
            at = tuple(place[0] for place in np.nonzero(wrong))
            have, want = (self.numbering.describe(int(symbols[at])) for symbols in (found, expected))
            raise NotCertified(f"takes {have} for {want}")
        elements = self.numbering.elements(
            claim.tensor, channels[:, None, None], claim.y0 + y[:, None], pixels[:, None]
        )
        # Channels that do not exist have weights of 0: nothing that was there before the run reaches them.
        self.memory.write(work, out[..., None] + np.arange(word), np.where(exists[:, None, None], elements, NOBODYS))
        return int(exists.sum()) * one["n_y"] * target.width * node.kernel[0] * node.kernel[1]

    def _node(self, one: Instruction, claim: Claim) -> Conv:
        """The convolution that is claimed, with every field that shapes and zero points settle as it must be."""
        network = self.model.network
        node = network.by_name.get(claim.tensor)
        if not isinstance(node, Conv):
            raise NotCertified(f"{claim.tensor!r} is no convolution")
        source, target = network.shapes[node.inputs[0]], network.shapes[node.name]
        integers = self.model.integers_of(node)
        dilated = any(kernel > 1 and step > 1 for kernel, step in zip(node.kernel, node.dilation, strict=True))
        if not node.groups == source.channels == target.channels or dilated or node.kernel[1] > DEPTHWISE_COLUMNS:
            raise NotCertified(f"{claim.tensor!r} is no depthwise convolution of this unit")
        if integers.multiplier is None or integers.clamp is None:
            raise NotCertified(f"{claim.tensor!r} is not requantised")
        required = {
            "n_ky": node.kernel[0],
            "n_kx": 1,
            "n_x": (target.width - 1) * node.stride[1] + DEPTHWISE_COLUMNS,
            "stride_y": node.stride[0],
            "stride_x": 1,
            "step_x": node.stride[1],
            "iy0": claim.y0 * node.stride[0] - node.padding[0],
            "ix0": -node.padding[1],
            "height": source.height,
            "width": source.width,
            "pad": self.model.zero_point(node.inputs[0]),
            "zero_point": self.model.zero_point(node.name),
            "clamp_low": integers.clamp[0],
            "clamp_high": integers.clamp[1],
        }
        for name, value in required.items():
            if one[name] != value:
                raise NotCertified(f"{name} is {one[name]}, and must be {value}")
        return node

    def _check_weights(
        self, one: Instruction, node: Conv, work: Work, channels: Ints, exists: NDArray[np.bool_]
    ) -> None:
        """Every weight, bias and multiplier that is read is the layer's; those of no channel are 0, 0 and 1.0."""
        word, n_ky = self.architecture.rows, node.kernel[0]
        block = self._block(one, work)
        weights = block[:, : -PARAMETER_BYTES * word].view(np.int8).reshape(-1, n_ky, DEPTHWISE_COLUMNS, word)
        parameters = np.ascontiguousarray(block[:, -PARAMETER_BYTES * word :]).view("<u4").reshape(-1, word, 2)
        integers = self.model.integers_of(node)
        real = channels[exists]
        expected = np.zeros((*channels.shape, n_ky, DEPTHWISE_COLUMNS), np.int64)
        expected[exists, :, : node.kernel[1]] = integers.weight.reshape(-1, *node.kernel)[real]
        if (wrong := weights.transpose(0, 3, 1, 2) != expected).any():
            group, lane, ky, kx = (int(place[0]) for place in np.nonzero(wrong))
            raise NotCertified(f"the weight of channel {channels[group, lane]} at row {ky}, column {kx} is another one")
        bias, patterns = self._parameters(node, integers, channels, exists, expected)
        for name, index, values in (("bias", 0, bias.astype(np.int32).view(np.uint32)), ("multiplier", 1, patterns)):
            if (wrong := parameters[..., index] != values).any():
                channel = int(channels[wrong][0])
                raise NotCertified(f"the {name} of channel {channel} is not that of the layer")

    def _parameters(
        self, node: Conv, integers: WeightedIntegers, channels: Ints, exists: NDArray[np.bool_], weights: Ints
    ) -> tuple[Ints, NDArray[np.uint32]]:
        """Folded bias and bit pattern of the multiplier of every lane.

        Raises:
            NotCertified: If a sum may leave 32 bits, or a multiplier is outside what the unit is exact for.
        """
        assert integers.multiplier is not None, "was looked at before"
        real = channels[exists]
        bias = np.zeros(channels.shape, np.int64)
        bias[exists] = integers.bias[real]
        bias -= self.model.zero_point(node.inputs[0]) * weights.sum(axis=(2, 3))
        positive, negative = np.maximum(weights, 0).sum(axis=(2, 3)), np.maximum(-weights, 0).sum(axis=(2, 3))
        low, high = bias - 128 * positive - 127 * negative, bias + 127 * positive + 128 * negative
        if (np.minimum(low, bias) < -(1 << 31)).any() or (np.maximum(high, bias) >= 1 << 31).any():
            raise NotCertified("a sum may leave the 32 bits of the pool unit")
        multiplier = integers.multiplier.astype(np.float32)[real]
        if not ((multiplier >= _MULTIPLIERS[0]) & (multiplier < _MULTIPLIERS[1])).all():
            raise NotCertified("a multiplier is outside [2**-40, 2**8), where the pool unit is exact")
        patterns = np.full(channels.shape, _ONE, np.uint32)
        patterns[exists] = multiplier.view(np.uint32)
        return bias, patterns

    def _block(self, one: Instruction, work: Work) -> NDArray[np.uint8]:
        """uint8 [groups, bytes]: the weights and parameters that are read."""
        symbols = self.memory.read(work, self._block_places(one))
        offsets = symbols.astype(np.int64) - self.numbering.first_weight
        if (wrong := (offsets < 0) | (offsets >= self.weights.size)).any():
            raise NotCertified(f"takes {self.numbering.describe(int(symbols[wrong][0]))} for a weight")
        return self.weights[offsets]

    def _block_places(self, one: Instruction) -> Ints:
        """int64 [groups, bytes]: addresses of the weights and parameters."""
        size = self.architecture.depthwise_block_bytes(one["n_ky"])
        places = one["weights"] + np.arange(one["n_groups"])[:, None] * size + np.arange(size)
        return self.memory.bounded(places)
