"""A generator of tensor compute units: from the layers of a network to Verilog, program and proof."""

__version__ = "0.1.0"
