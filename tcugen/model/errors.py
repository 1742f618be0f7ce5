"""The errors of everything that reads models, computes their integers, or what is fed to them."""


class ModelError(ValueError):
    """A model or image file that cannot be used. The message names file, value, rule and remedy."""


class QuantizationError(ValueError):
    """Scales, integers or tensors outside the arithmetic's limits. The message names layer, value, rule and remedy."""
