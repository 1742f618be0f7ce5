"""Random idle and back-pressure: every channel of both buses stands still now and then."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cocotb.triggers import RisingEdge


@dataclass(frozen=True)
class Profile:
    """How the buses behave.

    Attributes:
        stop, go: In each cycle a running channel stops with probability `stop`, a standing one goes on with `go`.
        requests: Bursts per direction that memory takes before it answers the first one.
    """

    stop: float
    go: float
    requests: int

    @property
    def share(self) -> float:
        """Share of the cycles in which a channel stands still."""
        return self.stop / (self.stop + self.go)


PROFILES = {
    "none": Profile(0.0, 1.0, 16),
    "short": Profile(0.25, 0.6, 2),
    "long": Profile(0.02, 0.04, 16),
    "heavy": Profile(0.5, 0.3, 2),
}
"""By name. Long pauses fill and drain the queues after them, short ones shift each handshake against the others."""


def channels(slave: Any, master: Any) -> tuple[Any, ...]:
    """All ten: AW, W, B, AR, R of the machine's master and of its registers. cocotbext-axi comes without types."""
    return tuple(
        channel
        for side in (slave, master)
        for channel in (
            side.write_if.aw_channel,
            side.write_if.w_channel,
            side.write_if.b_channel,
            side.read_if.ar_channel,
            side.read_if.r_channel,
        )
    )


async def pause_randomly(clock: Any, channels: Sequence[Any], profile: Profile, seed: int) -> None:
    """Pauses and releases the channels for ever, independently of each other."""
    rng = random.Random(seed)
    edge = RisingEdge(clock)
    while True:
        # Time to the next change is geometric; only channels that change are touched.
        for channel in channels:
            if rng.random() < (profile.go if channel.pause else profile.stop):
                channel.pause = not channel.pause
        await edge
