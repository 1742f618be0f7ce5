"""Readers of quantized networks that other tools wrote; each ends in a `QuantizedNetwork` or in one list of reasons."""
