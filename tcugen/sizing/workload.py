"""What a machine is sized for: a network and how it stores its outputs."""

from collections.abc import Collection
from dataclasses import dataclass

from tcugen.network.graph import Network


@dataclass(frozen=True, eq=False)
class Workload:
    """One network that a machine is to run.

    Attributes:
        network: It.
        int32_outputs: Outputs of it that are stored as 32-bit sums.
    """

    network: Network
    int32_outputs: Collection[str] = ()
