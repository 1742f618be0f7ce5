"""What can be wrong with a part, a tool or a machine that is to fit; each message names value, rule and remedy."""


class FpgaError(ValueError):
    """Something the user can mend."""


class PartError(FpgaError):
    """A part that is not known, or a description of one that does not hold."""


class ToolError(FpgaError):
    """A tool of synthesis or placement that is missing, or did not come to its end."""


class FitError(FpgaError):
    """A machine that a part has no room for."""
