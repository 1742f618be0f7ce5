"""How large the on-chip buffers may be, and the widths and depths that follow from shapes alone."""

from tcugen.arch import ACTIVATION_BANKS, Architecture, bits_for
from tcugen.network.graph import Network
from tcugen.network.operators import Conv, Linear, as_convolution
from tcugen.sizing.errors import SizingError
from tcugen.sizing.tiling import Tiling

SMALL_LIMIT_BYTES, LARGE_LIMIT_BYTES = 128 * 1024, 320 * 1024
"""Most bytes of all on-chip buffers but the activation memory, up to SMALL_MULTIPLIERS multipliers and beyond."""
SMALL_MULTIPLIERS = 256

QUEUE_BYTES = 8 * 1024
"""Set aside for instruction queues, bus and residual buffers."""

PRODUCT_BITS = 14
"""A product of two int8 is at most 2**14 in magnitude, (-128) * (-128)."""

MIN_ACCUMULATOR_BITS, MAX_ACCUMULATOR_BITS = 20, 32


def limit_bytes(multipliers: int) -> int:
    """Bytes that accumulators, weight ring and parameter ring may take together."""
    return (SMALL_LIMIT_BYTES if multipliers <= SMALL_MULTIPLIERS else LARGE_LIMIT_BYTES) - QUEUE_BYTES


def buffer_bytes(architecture: Architecture) -> int:
    """Bytes of accumulators, weight ring and parameter ring."""
    return architecture.accumulator_bytes + architecture.weight_buffer_bytes + architecture.parameter_buffer_bytes


def datapath_bits(architecture: Architecture) -> int:
    """Bits that activation memory and accumulators move per cycle: what an array shape costs beside its multipliers."""
    accumulators = 2 * architecture.columns * architecture.accumulator_bits
    return 8 * architecture.rows * ACTIVATION_BANKS + accumulators


def accumulator_need(network: Network) -> tuple[int, str, int]:
    """Bits that hold every sum of products, the node with the largest sum, and the number of its products.

    Raises:
        SizingError: If a node sums more products than 32 bits hold.
    """
    node, products = network.nodes[-1].name, 1
    for other in network.nodes:
        if isinstance(other, Conv | Linear):
            layer = as_convolution(other)
            channels = network.shapes[layer.inputs[0]].channels // layer.groups
            if channels * layer.kernel[0] * layer.kernel[1] > products:
                node, products = layer.name, channels * layer.kernel[0] * layer.kernel[1]
    bits = (products << PRODUCT_BITS).bit_length() + 1
    if bits > MAX_ACCUMULATOR_BITS:
        most = (1 << MAX_ACCUMULATOR_BITS - 1 - PRODUCT_BITS) - 1
        raise SizingError(
            f"node {node!r}: sums {products} products of 8 bits, but {MAX_ACCUMULATOR_BITS}-bit accumulators hold at "
            f"most {most}; use fewer input channels or a smaller kernel"
        )
    return max(MIN_ACCUMULATOR_BITS, bits), node, products


def largest_power(limit: int) -> int:
    """The largest power of two up to `limit`, at least 2."""
    return max(2, 1 << max(1, limit).bit_length() - 1)


def strips_together(tilings: list[Tiling], weight_tiles: int) -> int:
    """The most column groups, in order of use, whose tiles are in a ring of `weight_tiles` at the same time."""
    sizes = [tiling.passes for tiling in tilings for _ in range(tiling.n_columns)]
    most, first, inside = 1, 0, 0
    for index, size in enumerate(sizes):
        inside += size
        while inside > weight_tiles and first < index:
            inside -= sizes[first]
            first += 1
        most = max(most, index - first + 1)
    return most


def parameter_groups(tilings: list[Tiling], weight_tiles: int) -> int:
    """Parameter ring that never holds up the weight stream: a group for every column group in the weight ring, and
    two for those that the output path still works on; a power of two."""
    return 1 << bits_for(strips_together(tilings, weight_tiles) + 2)
