"""A float ONNX file as a graph of ATen operators."""
