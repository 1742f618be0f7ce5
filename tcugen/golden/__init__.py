"""The golden model: every tensor of a quantized network in PyTorch."""

from tcugen.golden.network import accumulate, evaluate, run

__all__ = ["accumulate", "evaluate", "run"]
