"""Fixtures of the small networks."""

from tests.small_networks import every_operator, one_thread, resnet

__all__ = ["every_operator", "one_thread", "resnet"]
