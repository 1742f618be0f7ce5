"""A ring buffer on the weight stream: items are written, read, and freed only when nobody will read them again."""

import numpy as np
from numpy.typing import NDArray


class Ring:
    """FIFO of byte items with a read pointer that can be rewound to any item not yet freed.

    Args:
        capacity: Items it holds between being written and being freed.
        item_bytes: Bytes of one item.

    Attributes:
        written, read, freed: Items so far, freed <= read <= written <= freed + capacity.
    """

    def __init__(self, capacity: int, item_bytes: int):
        self.capacity = capacity
        self.written = self.read = self.freed = 0
        self._items = np.zeros((capacity, item_bytes), np.uint8)

    @property
    def room(self) -> int:
        return self.capacity - (self.written - self.freed)

    @property
    def available(self) -> int:
        """Items between the read pointer and the last one written."""
        return self.written - self.read

    def write(self, items: NDArray[np.uint8]) -> None:
        """Append uint8 [n, item_bytes], n <= room."""
        assert len(items) <= self.room
        self._items[(self.written + np.arange(len(items))) % self.capacity] = items
        self.written += len(items)

    def take(self, count: int) -> NDArray[np.uint8]:
        """uint8 [count, item_bytes] from the read pointer, which moves past them; count <= available."""
        assert count <= self.available
        items = self._items[(self.read + np.arange(count)) % self.capacity]
        self.read += count
        return items

    def rewind(self, position: int) -> None:
        """Set the read pointer to item number `position`, which is not freed."""
        assert self.freed <= position <= self.read
        self.read = position

    def free(self) -> None:
        """Free everything before the read pointer."""
        self.freed = self.read
