# What the benches use of cocotbext-axi, which comes without types.
from enum import IntEnum
from typing import Any, NamedTuple, Self

class AxiResp(IntEnum):
    OKAY = 0
    EXOKAY = 1
    SLVERR = 2
    DECERR = 3

class Channel:
    pause: bool
    queue_occupancy_limit: int

class WriteInterface:
    aw_channel: Channel
    w_channel: Channel
    b_channel: Channel

class ReadInterface:
    ar_channel: Channel
    r_channel: Channel

class AxiBus:
    @classmethod
    def from_prefix(cls, entity: Any, prefix: str) -> Self: ...

class AxiLiteBus:
    @classmethod
    def from_prefix(cls, entity: Any, prefix: str) -> Self: ...

class WriteResult(NamedTuple):
    address: int
    length: int
    resp: AxiResp

class ReadResult(NamedTuple):
    address: int
    data: bytes
    resp: AxiResp

class AxiLiteMaster:
    write_if: WriteInterface
    read_if: ReadInterface
    def __init__(self, bus: AxiLiteBus, clock: Any, reset: Any, reset_active_level: bool) -> None: ...
    async def write(self, address: int, data: bytes) -> WriteResult: ...
    async def read(self, address: int, length: int) -> ReadResult: ...

class AxiSlave:
    write_if: WriteInterface
    read_if: ReadInterface
    def __init__(self, bus: AxiBus, clock: Any, reset: Any, target: object, reset_active_level: bool) -> None: ...

class AxiRam:
    write_if: WriteInterface
    read_if: ReadInterface
    def __init__(self, bus: AxiBus, clock: Any, reset: Any, reset_active_level: bool, size: int) -> None: ...
    def write(self, address: int, data: bytes) -> None: ...
    def read(self, address: int, length: int) -> bytes: ...
