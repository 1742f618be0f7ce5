"""What runs the machine from a processor: the driver in C and in Python, and the tables that they are made of."""
