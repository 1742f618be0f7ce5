"""Why a program is not certified."""


class NotCertified(ValueError):
    """A program that could not be proved to compute its network; the message says where and why."""
