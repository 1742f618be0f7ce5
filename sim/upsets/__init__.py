"""Single bits of the machine's state flipped during a run on the RTL: what becomes of the run."""
