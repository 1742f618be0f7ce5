"""The error of everything that reads models or what is fed to them."""


class ModelError(ValueError):
    """A model or image file that cannot be used. The message names file, value, rule and remedy."""
