"""Golden, emulator and RTL side by side."""
