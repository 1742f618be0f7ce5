"""Whether a machine fits on a part, and which resource binds."""

from dataclasses import dataclass

from tcugen.fpga.estimate import Estimate
from tcugen.fpga.part import Part


@dataclass(frozen=True)
class Need:
    """One resource: how much of it is needed, and how much the part has."""

    name: str
    needed: float
    available: int

    @property
    def share(self) -> float:
        """Needed over available; infinite where something is needed and nothing is there."""
        if self.available:
            return self.needed / self.available
        return float("inf") if self.needed else 0.0


def needs(estimated: Estimate, part: Part) -> list[Need]:
    """What a machine needs of each resource that its need is known of, the scarcest first."""
    found = [
        Need("LUTs", estimated.lut or 0, part.luts) if estimated.lut is not None else None,
        Need("flip-flops", estimated.ff or 0, part.flip_flops) if estimated.ff is not None else None,
        Need("multipliers", estimated.dsp or 0, part.dsps) if estimated.dsp is not None else None,
        Need("block RAMs", estimated.bram, part.brams),
    ]
    return sorted((need for need in found if need is not None), key=lambda need: -need.share)


def too_scarce(found: list[Need]) -> list[Need]:
    """Of these, the resources that the part has too little of."""
    return [need for need in found if need.share > 1]
