"""cocotb benches: memory that ends bursts at a wrong beat stops the machine, and after a soft reset all is right.

Written for jobs that read windows PROGRAM, WEIGHTS and INPUT in bursts of several beats. Each test starts from reset.
"""

from copy import copy
from typing import Any

import cocotb

from sim.bench import TIMEOUT, Bench
from sim.bench_faults import WATCHDOG_CYCLES, ready
from tcugen.isa import Window
from tcugen.registers import ErrorCode


class WrongLast:
    """Stands between the read channel of memory and the bus, and spoils the end of one burst.

    Kinds: `early`, RLAST comes with the first beat and once more with the last; `cut`, it comes with the first beat and
    the others never do; `missing`, it does not come; `extra`, it comes with a beat after the last.

    Attributes:
        address: Of the burst that was spoilt; None before.
    """

    KINDS = ("early", "cut", "missing", "extra")

    def __init__(self, bench: Bench, window: Window, kind: str):
        self._reading: Any = bench.driver.slave.read_if
        self._channel: Any = self._reading.r_channel
        self._memory, self._window, self._kind = bench.driver.memory, window, kind
        self._send, self._read = self._channel.send, self._memory.read
        self._beat_address = 0
        self._begins, self._spoiling = True, False
        self.address: int | None = None
        self._reading.target = self
        self._channel.send = self._spoil

    async def read(self, address: int, length: int) -> bytes:
        """What memory holds; the beat that is sent next has this address."""
        self._beat_address = address
        return await self._read(address, length)

    async def _spoil(self, beat: Any) -> None:
        last, first = bool(beat.rlast), self._begins
        self._begins = last
        inside = self._memory.window_of(self._beat_address, 1) == self._window
        if self.address is None and first and not last and inside:
            self.address, self._spoiling = self._beat_address, True
        if not self._spoiling:
            await self._send(beat)
            return
        self._spoiling = not last
        if self._kind in ("early", "cut"):
            beat.rlast = first or last
            if first or self._kind == "early":
                await self._send(beat)
            return
        beat.rlast = False
        await self._send(beat)
        if last and self._kind == "extra":
            again = copy(beat)
            again.rlast = True
            await self._send(again)

    def remove(self) -> None:
        """Memory answers rightly again."""
        self._reading.target = self._memory
        self._channel.send = self._send


@cocotb.test(**TIMEOUT)
async def a_burst_that_ends_at_a_wrong_beat_is_reported(dut: Any) -> None:
    """In each window that is read, in every way: READ_LAST at the burst, and the machine comes to rest."""
    bench = await ready(dut, pausing=False)
    driver = bench.driver
    await driver.write("WATCHDOG", WATCHDOG_CYCLES)
    for window in (Window.PROGRAM, Window.WEIGHTS, Window.INPUT):
        for kind in WrongLast.KINDS:
            wrong = WrongLast(bench, window, kind)
            run = await bench.run_image(0)
            assert not run.done and wrong.address is not None
            assert run.error == (ErrorCode.READ_LAST, wrong.address), (window.name, kind)
            wrong.remove()
            await driver.soft_reset()
            await bench.check_image(1)
