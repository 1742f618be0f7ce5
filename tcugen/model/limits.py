"""The limits of the integer arithmetic."""

MULTIPLIER_EXPONENTS = (-40, 8)
"""Requantisation multipliers lie in [2**low, 2**high)."""
ADD_RATIO_EXPONENTS = (-16, 8)
"""Ratios of an add operand's scale to the output's lie in [2**low, 2**high)."""
ADD_MULTIPLIER_BITS = 24
"""Bits of an add's multipliers. A float32 ratio has as many, so the larger multiplier is its ratio's significand, which
is below 2**24, and the smaller one is rounded to fewer bits: neither is ever rounded up to 2**24."""
MAX_ADD_MULTIPLIER = (1 << ADD_MULTIPLIER_BITS) - 1
FRACTION_BITS = 16
"""Of an operand that an add takes unrounded. A ratio below 2**8 of the other one then has 24 bits at most."""
INT8_RANGE = (-128, 127)
LARGEST_WEIGHT = 127
"""Magnitude of weights that are chosen, not read: quantization is symmetric."""
LARGEST_BIAS = 2**30
"""Magnitude of biases that are chosen; leaves as much again of the 32 bits for the products."""
