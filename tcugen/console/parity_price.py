"""What parity costs a machine: bits of memory and, on a part, LUTs, flip-flops and block RAMs."""

from dataclasses import replace

from tcugen.arch import Architecture
from tcugen.fpga.estimate import estimate
from tcugen.fpga.memories import memories
from tcugen.report.synth_report import LABELS


def parity_price(architecture: Architecture, family: str | None = None) -> list[str]:
    """Lines for a machine with parity; none for one without.

    Args:
        architecture: The machine.
        family: Of the part that it is for, a calibrated one; None for no part.
    """
    if not architecture.parity:
        return []
    pair = replace(architecture, parity=0), architecture
    without, with_parity = (sum(memory.bits for memory in memories(one)) for one in pair)
    lines = [f"parity: {with_parity:,} bits of memory instead of {without:,}, {with_parity / without - 1:+.1%}"]
    counts = [estimate(one, family) for one in pair] if family else []
    if len(counts) == 2 and counts[0] and counts[1]:
        before, after = counts[0].to_dict(), counts[1].to_dict()
        takes = " and ".join(f"{after[name]:,} {LABELS[name]} instead of {before[name]:,}" for name in ("bram", "lut"))
        lines.append(f"parity, estimated: {takes}, and LUTs that make the bits and look at them, which `synth` counts")
    return lines
