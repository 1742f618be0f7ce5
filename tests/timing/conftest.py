"""The fixture that emits the machines."""

from tests.machines import rtl

__all__ = ["rtl"]
