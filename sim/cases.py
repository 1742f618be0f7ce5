"""The table of what the tensor benches run: a network with its data, and how the buses behave meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sim import corner_cases as corner
from sim import random_cases as random
from sim.random_cases import Data


@dataclass(frozen=True)
class Case:
    """One network with its data.

    Attributes:
        make: Builds network and inputs; the same ones every time.
        pauses: Profile of `sim.pauses` for all channels of both buses.
        spills: A tensor is too large for the activation memory of every bench machine.
    """

    make: Callable[[], Data]
    pauses: str = "short"
    spills: bool = False


RANDOM = {
    "conv1x1": Case(partial(random.convolution, 24, 20, (9, 7), (1, 1))),
    "conv1x1_one_pixel": Case(partial(random.convolution, 20, 300, (1, 1), (1, 1)), "none"),
    "conv1x1_stride2": Case(partial(random.convolution, 12, 18, (9, 11), (1, 1), (2, 2)), "long"),
    "conv3x3": Case(partial(random.convolution, 12, 16, (10, 9), (3, 3), activation="relu"), "heavy"),
    "conv3x3_int32": Case(partial(random.convolution, 9, 10, (6, 7), (3, 3), int32_output=True)),
    "conv3x3_stride2": Case(partial(random.convolution, 10, 20, (11, 10), (3, 3), (2, 2)), "long"),
    "conv3x3_asymmetric": Case(partial(random.convolution, 8, 12, (9, 8), (3, 3), (2, 2), (0, 2, 1, 0)), "heavy"),
    "conv3x3_grouped": Case(partial(random.convolution, 32, 32, (6, 5), (3, 3), groups=4)),
    "conv3x3_thin": Case(partial(random.convolution, 3, 12, (9, 10), (3, 3)), "long"),
    "conv1x5": Case(partial(random.convolution, 6, 12, (6, 13), (1, 5), (1, 2)), "none"),
    "conv7x7_stem": Case(partial(random.convolution, 3, 10, (19, 18), (7, 7), (2, 2), activation="relu")),
    "bottleneck_projection": Case(partial(random.bottleneck, 12, 8, 24, 9, stride=2), "short"),
    "bottleneck_identity": Case(partial(random.bottleneck, 16, 8, 16, 8), "long"),
    "bottleneck_heavy": Case(partial(random.bottleneck, 16, 8, 20, 7), "heavy"),
    "basic_blocks": Case(partial(random.chained_blocks, 8, 7, 2), "short"),
    "max_pool_3x3": Case(partial(random.pooled, 12, (11, 10), 3, 2, 1), "short"),
    "max_pool_2x2": Case(partial(random.pooled, 9, (12, 12), 2, 2, 0), "long"),
    "head_int8": Case(partial(random.head, 24, 4, 300, int32_output=False), "short"),
    "head_int32": Case(partial(random.head, 20, 3, 120, int32_output=True), "heavy"),
    "requantise": Case(partial(random.rescaled, 10, (8, 9)), "short"),
    "small_resnet_twice": Case(partial(random.small_resnet, 25, 260, images=2), "short"),
    "banded_conv3x3": Case(partial(random.convolution, 16, 4, (24, 24), (3, 3)), "long"),
    "spilled_bottleneck": Case(partial(random.bottleneck, 24, 8, 24, 28), "short", spills=True),
}
"""Random data: it spreads over the values of int8, see `sim.spread`."""

CORNERS = {
    "all_minus_128": Case(partial(corner.extreme, 11, "low", "low", 1e-5, zero_points=(0, -3))),
    "saturated_high": Case(partial(corner.extreme, 9, "low", "low", 0.01, zero_points=(-128, 127))),
    "saturated_low": Case(partial(corner.extreme, 9, "high", "low", 0.01, zero_points=(127, -128))),
    "padding_at_the_end": Case(partial(corner.extreme, 6, "alternating", "high", 1e-4, zero_points=(-128, 7))),
    "full_accumulators": Case(partial(corner.extreme, 56, "low", "low", 2e-6), "none"),
    "full_sums": Case(partial(corner.full_sums, 7)),
    "ties": Case(partial(corner.tied, 1, 1)),
    "ties_quarter": Case(partial(corner.tied, 2, 3)),
    "near_ties": Case(partial(corner.nearly_tied, 200), "none"),
    "add_ties": Case(partial(corner.tied_add, 2.0)),
    "add_saturated": Case(partial(corner.tied_add, 0.5, "relu")),
    "pool_minus_128": Case(partial(corner.pooled_extreme, "low")),
    "pool_alternating": Case(partial(corner.pooled_extreme, "alternating"), "heavy"),
    "average_ties": Case(partial(corner.tied_average, 50)),
}
"""Corner data: what it holds is fixed, whatever it makes of the outputs."""

CASES = RANDOM | CORNERS
