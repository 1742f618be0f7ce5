"""The one exception of the compiler."""


class CompileError(ValueError):
    """A network that this architecture cannot run. The message names node, value, rule and remedy."""
