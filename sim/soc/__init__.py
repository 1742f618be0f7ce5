"""A whole system on a chip in simulation: processor, DRAM controller and unit; the C driver is its firmware."""
