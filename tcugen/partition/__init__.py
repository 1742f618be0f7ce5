"""A model split into parts for the unit and parts for ONNX Runtime on the host, and how both run as one."""
