"""POOL: whether each result is the maximum over the window that a max pool defines."""

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import Claim
from tcugen.certify.memory import ActivationMemory
from tcugen.certify.order import Work
from tcugen.certify.symbols import NOBODYS, UNWRITTEN, Numbering
from tcugen.isa import Instruction
from tcugen.network.graph import Network
from tcugen.network.operators import MaxPool


def pool(
    instruction: Instruction,
    claim: Claim,
    work: Work,
    network: Network,
    architecture: Architecture,
    numbering: Numbering,
    memory: ActivationMemory,
) -> None:
    """Check one POOL and write its elements.

    What it reads for an element must be the taps of the node's window that are inside the picture, in their order, and
    no other.

    Raises:
        NotCertified: If the results are not those of the claim.
    """
    node, word = network.by_name.get(claim.tensor), architecture.rows
    if not isinstance(node, MaxPool):
        raise NotCertified(f"{claim.tensor!r} is no max pool")
    if (claim.x_channels, claim.x_step) != (0, 1) or claim.channel0 % word:
        raise NotCertified("makes no neighbouring pixels of channel blocks")
    source, target = network.shapes[node.inputs[0]], network.shapes[node.name]
    groups, n_y, n_x = instruction["n_groups"], instruction["n_y"], instruction["n_x"]
    taps, kernel = instruction["n_ky"] * instruction["n_kx"], node.kernel[0] * node.kernel[1]
    if taps > kernel:
        raise NotCertified(f"n_ky * n_kx is {taps}, and a window has {kernel} taps")
    channels = claim.channel0 + np.arange(groups)[:, None] * word + np.arange(word)
    made_y, made_x = claim.y0 + np.arange(n_y) * claim.y_step, claim.x0 + np.arange(n_x)
    if (
        min(claim.channel0, claim.y0, claim.x0, claim.y_step) < 0
        or made_y[-1] >= target.height
        or made_x[-1] >= target.width
        or (channels[:, 0] >= target.channels).any()
    ):
        raise NotCertified(f"makes elements that {claim.tensor!r} does not have")
    iy, ix = (
        made[:, None] * node.stride[axis] - node.padding[axis] + np.arange(node.kernel[axis]) * node.dilation[axis]
        for axis, made in ((0, made_y), (1, made_x))
    )
    defined = _inside(iy, ix, source.height, source.width)
    rows = np.arange(n_y)[:, None] * instruction["stride_y"] + np.arange(instruction["n_ky"])
    columns = np.arange(n_x)[:, None] * instruction["stride_x"] + np.arange(instruction["n_kx"])
    place = instruction["iy0"] + rows, instruction["ix0"] + columns
    inside = _inside(*place, instruction["height"], instruction["width"])
    if not defined.any(axis=(2, 3)).all():
        raise NotCertified("a window holds padding only")
    if (inside.sum(axis=(2, 3)) != defined.sum(axis=(2, 3))).any():
        raise NotCertified(f"takes other than the taps of {claim.tensor!r} that the picture has")
    # [groups, y, x, ky, kx, bytes of the word]
    group = np.arange(groups)[:, None, None, None, None]
    pixel = rows[:, None, :, None] * instruction["row_step"] + columns[None, :, None] * word
    words = instruction["base"] + group * instruction["group_step"] + pixel
    read = memory.bounded(words[:, inside])
    if (read % word).any():
        raise NotCertified(f"reads at addresses that are no multiples of {word}")
    out = instruction["out_base"] + group[..., 0, 0] * instruction["out_group_step"]
    out = memory.bounded(out + np.arange(n_y)[:, None] * instruction["out_row_step"] + np.arange(n_x) * word)
    if (out % word).any() or np.isin(out, read).any():
        raise NotCertified(f"writes over what it reads, or to addresses that are no multiples of {word}")
    found = memory.read(work, read[..., None] + np.arange(word))
    where = np.nonzero(defined)
    exists = channels < target.channels
    expected = numbering.elements(
        node.inputs[0],
        channels[:, None, :],
        iy[where[0], where[2]][:, None],
        ix[where[1], where[3]][:, None],
    )
    if ((found != expected) & exists[:, None]).any():
        group_, tap, lane = (int(place[0]) for place in np.nonzero((found != expected) & exists[:, None]))
        raise NotCertified(
            f"takes {numbering.describe(int(found[group_, tap, lane]))} for "
            f"{numbering.describe(int(expected[group_, tap, lane]))}"
        )
    elements = numbering.elements(claim.tensor, channels[:, None, None], made_y[:, None, None], made_x[:, None])
    spare = np.where((found == UNWRITTEN).any(axis=1), UNWRITTEN, NOBODYS).astype(np.int32)
    results = np.where(exists[:, None, None], elements, spare[:, None, None])
    memory.write(work, out[..., None] + np.arange(word), results)


def _inside(iy: NDArray[np.int64], ix: NDArray[np.int64], height: int, width: int) -> NDArray[np.bool_]:
    """Whether each tap is inside, [rows, columns, kernel rows, kernel columns]."""
    return ((iy >= 0) & (iy < height))[:, None, :, None] & ((ix >= 0) & (ix < width))[None, :, None]
