"""The limits of the integer arithmetic."""

MULTIPLIER_EXPONENTS = (-40, 8)
"""Requantisation multipliers lie in [2**low, 2**high)."""
ADD_RATIO_EXPONENTS = (-16, 8)
"""Ratios of an add operand's scale to the output's lie in [2**low, 2**high)."""
INT8_RANGE = (-128, 127)
