"""The error of everything that reads, makes or cuts networks."""


class NetworkError(ValueError):
    """A network that is malformed or inconsistent. The message names node, value, rule and remedy."""
