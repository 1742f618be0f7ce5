"""Mutants of the hardware: which tests and proofs find an RTL with one token changed."""
