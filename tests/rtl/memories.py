"""Memories of a design in Amaranth's simulator, so that a bench can flip their bits."""

import pytest
from amaranth.lib.memory import Memory


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Memory]:
    """A list that every memory joins which is made from now on, in the order in which designs are elaborated."""
    made: list[Memory] = []

    class Recorded(Memory):
        def __init__(self, *arguments, **sizes):
            super().__init__(*arguments, **sizes)
            made.append(self)

    for user in ("tcugen.rtl.sram", "tcugen.rtl.fetch", "amaranth.lib.fifo"):
        monkeypatch.setattr(f"{user}.Memory", Recorded)
    return made


def flip(ctx, memory: Memory, word: int, bit: int) -> None:
    """Turn one bit round."""
    ctx.set(memory.data[word], ctx.get(memory.data[word]) ^ 1 << bit)
