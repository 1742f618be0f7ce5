"""All proofs of the hardware."""

from tcugen.rtl.proofs import control, dispatch, fifo, host, reader, requantise, ring, segments, window, writer
from tcugen.rtl.proofs.proof import Proof

PROOFS: tuple[Proof, ...] = tuple(
    proof
    for block in (window, segments, reader, writer, host, control, dispatch, fifo, ring, requantise)
    for proof in block.PROOFS
)
"""In the order of the table."""


def chosen(short: bool, only: str | None) -> list[Proof]:
    """Proofs of `make test` alone if `short`; the one whose full name `only` is, or else all in whose name it is."""
    exact = [proof for proof in PROOFS if proof.full_name == only]
    return exact or [proof for proof in PROOFS if (proof.short or not short) and (only or "") in proof.full_name]
