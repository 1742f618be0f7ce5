"""The two rings of the weight stream: first in, first out, with a read position that can be set back."""

import numpy as np
from numpy.typing import NDArray


class Ring:
    """Items are offsets in window WEIGHTS.

    Attributes:
        written, taken, freed: Items so far; those between `freed` and `written` have a place of the ring.
    """

    def __init__(self, capacity: int):
        self._capacity, self._items = capacity, np.zeros(capacity, np.int64)
        self.written = self.taken = self.freed = 0

    @property
    def room(self) -> int:
        """Places that hold nothing any more."""
        return self._capacity - (self.written - self.freed)

    @property
    def waiting(self) -> int:
        """Items that can be taken."""
        return self.written - self.taken

    def push(self, items: NDArray[np.int64]) -> None:
        """At most `room` items."""
        self._items[(self.written + np.arange(len(items))) % self._capacity] = items
        self.written += len(items)

    def take(self, count: int) -> NDArray[np.int64]:
        """At most `waiting` items; their places stay theirs until they are freed."""
        items = self._items[(self.taken + np.arange(count)) % self._capacity]
        self.taken += count
        return items

    def free(self) -> None:
        """Give up the places of all that was taken."""
        self.freed = self.taken
