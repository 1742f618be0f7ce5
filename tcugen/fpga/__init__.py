"""FPGAs: what parts hold, what a machine takes of them, and the tools that map it."""
