"""What is wrong with a part, a build to synthesise, or a tool; the message names value, rule and remedy."""


class PartError(ValueError):
    """A part that is unknown, described wrongly, or too small for what it is to hold."""


class SynthesisError(RuntimeError):
    """A tool of the synthesis flow is missing, failed or took too long. The message names the tool and a remedy."""
