"""The machines that the benches run on: small enough to build in a minute, and unlike each other where it matters.

On most of them activation memory, rings and accumulators are so small that they fill, wrap and spill within a few
thousand cycles.
"""

from tcugen.arch import Architecture

MACHINES = {
    # A beat carries two activation words; one lane, so that the output path holds the array up.
    "4x4": Architecture(
        rows=4,
        columns=4,
        activation_kib=4,
        bus_bytes=8,
        accumulator_bits=24,
        accumulator_depth=32,
        weight_tiles=16,
        parameter_groups=4,
        output_lanes=1,
    ),
    # An activation word takes two beats.
    "8x8": Architecture(
        rows=8,
        columns=8,
        activation_kib=8,
        bus_bytes=4,
        accumulator_bits=26,
        accumulator_depth=64,
        weight_tiles=16,
        parameter_groups=4,
        output_lanes=2,
    ),
}
"""What every bench runs on, by name."""

FURTHER_MACHINES = {
    # A beat carries eight activation words, the output path never waits, and nothing can be kept in the rings.
    "4x8_wide": Architecture(
        rows=4,
        columns=8,
        activation_kib=8,
        bus_bytes=32,
        accumulator_bits=26,
        accumulator_depth=16,
        weight_tiles=4,
        parameter_groups=2,
        output_lanes=4,
        bus_address_bits=32,
    ),
    # More rows than columns: an activation word takes two passes of the output path.
    "8x4_narrow": Architecture(
        rows=8,
        columns=4,
        activation_kib=8,
        bus_bytes=4,
        accumulator_bits=28,
        accumulator_depth=128,
        weight_tiles=64,
        parameter_groups=8,
        output_lanes=1,
        bus_address_bits=64,
    ),
}
"""For runs with more time."""

LARGE = {
    # A tile takes four beats, so that simulations of millions of weights stay short. Few tiles fit the ring, so that
    # pauses of the bus are felt, and of the widest layers not all tensors fit the activation memory.
    "16x16": Architecture(
        rows=16,
        columns=16,
        activation_kib=16,
        bus_bytes=64,
        accumulator_depth=64,
        weight_tiles=8,
        parameter_groups=8,
        output_lanes=4,
    ),
}
"""For layers with hundreds of channels."""
