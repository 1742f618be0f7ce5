"""Inferences back to back on the RTL, with stalls and resets in between: all of them are right."""
