"""The activation memory and the windows of the bus, every byte a symbol, every access in order and in bounds."""

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.certify.errors import NotCertified
from tcugen.certify.order import WordLog, Work
from tcugen.certify.symbols import UNWRITTEN, Symbols
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Unit, Window

ADDRESS_SPACE = 1 << ACTIVATION_ADDRESS_BITS
Addresses = NDArray[np.int64]


class ActivationMemory:
    """What stands in every byte on chip.

    Attributes:
        size, word: Bytes of the memory and of a word.
        log: Accesses by word.
    """

    def __init__(self, architecture: Architecture):
        self.size, self.word = architecture.activation_bytes, architecture.rows
        # A word that begins or ends with padding may reach beyond the memory: one guard word on either side.
        self._guarded = np.full(self.size + 2 * self.word, UNWRITTEN, np.int32)
        self._bytes = self._guarded[self.word : self.word + self.size]
        self._windows = np.lib.stride_tricks.sliding_window_view(self._guarded, self.word)
        self._drained = np.zeros(self.size, np.int32)
        self.log = WordLog(architecture.activation_words)

    def bounded(self, addresses: Addresses) -> Addresses:
        """Addresses modulo the address space; raises NotCertified for those that the memory does not have."""
        wrapped = addresses & (ADDRESS_SPACE - 1)
        if wrapped.size and int(wrapped.max()) >= self.size:
            raise NotCertified(f"reaches byte {int(wrapped.max())} of an activation memory of {self.size} bytes")
        return wrapped

    def from_starts(self, starts: Addresses) -> Symbols:
        """[..., word] symbols of words from any byte address, -word .. size; nothing is checked."""
        return self._windows[starts + self.word]

    def words_of(self, addresses: Addresses) -> Addresses:
        """Numbers of the words that hold these bytes, each once."""
        return np.unique(addresses // self.word)

    def read(self, work: Work, addresses: Addresses) -> Symbols:
        """Symbols at byte addresses within the memory."""
        self.log.read(work, self.words_of(addresses), own_writes=work.unit != Unit.DRAIN)
        if work.unit == Unit.DRAIN and int(self._drained[addresses].max(initial=0)) > work.known[Unit.DRAIN]:
            raise NotCertified("reads bytes that its own unit writes, without waiting for them")
        return self._bytes[addresses]

    def write(self, work: Work, addresses: Addresses, symbols: Symbols) -> None:
        """Write symbols; raises NotCertified if a byte gets two different ones."""
        self.log.write(work, self.words_of(addresses))
        self._bytes[addresses] = symbols
        if (self._bytes[addresses] != symbols).any():
            raise NotCertified("writes two results to one byte")
        if work.unit == Unit.DRAIN:
            self._drained[addresses] = work.count


class Windows:
    """What stands in windows INPUT, OUTPUT and SCRATCH.

    The machine stores to a beat once at most; what it loads from OUTPUT or SCRATCH must have been stored before.
    """

    def __init__(self, architecture: Architecture, sizes: dict[Window, int]):
        self._beat = architecture.bus_bytes
        self.symbols = {window: np.full(size, UNWRITTEN, np.int32) for window, size in sizes.items()}
        self._stored = {
            window: np.zeros(-(-sizes[window] // self._beat), np.int32) for window in (Window.OUTPUT, Window.SCRATCH)
        }

    def size(self, window: int) -> int:
        """Bytes of a window; raises NotCertified if tensors are not moved from or to it."""
        for name, symbols in self.symbols.items():
            if name == window:
                return len(symbols)
        raise NotCertified(f"window is {window}, but tensors are in INPUT, OUTPUT and SCRATCH")

    def load(self, work: Work, window: Window, offsets: Addresses) -> Symbols:
        """Symbols at offsets within the window."""
        if window in self._stored and offsets.size:
            stored = self._stored[window][offsets // self._beat]
            if not stored.all():
                raise NotCertified(f"loads from {window.name} what no STORE has stored")
            if int(stored.max()) > work.known[Unit.STORE]:
                raise NotCertified(f"loads what STORE {int(stored.max())} stores, and waits for less")
        return self.symbols[window][offsets]

    def store(self, work: Work, window: Window, offsets: Addresses, symbols: Symbols) -> None:
        """Store symbols at offsets within the window, whole beats."""
        if window not in self._stored:
            raise NotCertified(f"stores to {window.name}, but the machine writes OUTPUT and SCRATCH only")
        beats = offsets.reshape(-1)[:: self._beat] // self._beat
        if len(np.unique(beats)) != len(beats) or self._stored[window][beats].any():
            raise NotCertified(f"stores to a beat of {window.name} a second time")
        self._stored[window][beats] = work.count
        self.symbols[window][offsets] = symbols
