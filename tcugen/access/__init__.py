"""Which bytes instructions read and write, stated once: for hazards, for observation and for locating differences.

The emulator has its own loops, on purpose; tests hold the two against each other.
"""
