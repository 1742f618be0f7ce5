"""Properties of the hardware, each beside the block that it is of, and what proves them."""
