"""Shapes of activation tensors."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Shape of one activation tensor of one image: channels, height, width."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"
