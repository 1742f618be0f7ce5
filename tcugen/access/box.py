"""Accesses of one instruction that differ by fixed steps."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tcugen.isa import ACTIVATION_ADDRESS_BITS

Addresses = NDArray[np.int64]
"""Byte addresses, not yet wrapped: what lies before the memory is negative."""


@dataclass(frozen=True, eq=False)
class Box:
    """Accesses of `width` bytes each, in the order in which the unit makes them.

    Attributes:
        addresses: First bytes, one axis per loop, the innermost last.
        width: Bytes of each access.
        channel: First channel, counted from the instruction's first; 0 where channels play no part.
    """

    addresses: Addresses
    width: int
    channel: int = 0

    @property
    def wrapped(self) -> Addresses:
        """Addresses as the machine has them, modulo the address space of the activation memory."""
        return wrapped(self.addresses)

    def joined(self, word: int) -> list["Box"]:
        """The same bytes in fewer, wider accesses: neighbours on the last axis in one word of `word` bytes are one."""
        # One access per index of the first axis will do: column groups may start anywhere in a word, pixels do not.
        outer = self.addresses if self.addresses.ndim > 1 else self.addresses[None]
        first = outer.reshape(len(outer), -1, outer.shape[-1])[:, 0]
        borders = ((np.diff(first) != self.width) | (first[:, 1:] % word == 0)).any(axis=0)
        edges = [0, *(np.flatnonzero(borders) + 1).tolist(), first.shape[1]]
        return [Box(self.addresses[..., a], (b - a) * self.width, self.channel) for a, b in pairwise(edges)]


def wrapped(addresses: Addresses) -> Addresses:
    """Byte addresses modulo the address space of the activation memory."""
    return addresses & ((1 << ACTIVATION_ADDRESS_BITS) - 1)
