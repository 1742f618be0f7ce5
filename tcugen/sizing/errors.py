"""The error of this package."""


class SizingError(ValueError):
    """Flags or a network that no architecture fits. The message names flag (or node), value, rule and remedy."""
