"""The emitted Verilog run as it is: a Verilator build, a C++ host and memory model, and tensors from its traces."""
