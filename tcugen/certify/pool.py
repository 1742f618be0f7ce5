"""POOL: whether each result is the maximum over the window that a max pool defines."""

import numpy as np

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

    Every tap of the node's window that is inside the picture must be read as the element that it is, and no other.

    Raises:
        NotCertified: If the results are not those of the claim.
    """
    node, word = network.by_name.get(claim.tensor), architecture.rows
    if not isinstance(node, MaxPool):
        raise NotCertified(f"{claim.tensor!r} is no max pool")
    if (claim.x0, claim.x_channels, claim.y_step, claim.x_step) != (0, 0, 1, 1) or claim.channel0 % word:
        raise NotCertified("makes no whole rows of channel blocks")
    source, target = network.shapes[node.inputs[0]], network.shapes[node.name]
    groups, n_y = instruction["n_groups"], instruction["n_y"]
    required = {
        "n_ky": node.kernel[0],
        "n_kx": node.kernel[1],
        "stride_y": node.stride[0],
        "stride_x": node.stride[1],
        "iy0": claim.y0 * node.stride[0] - node.padding[0],
        "ix0": -node.padding[1],
        "height": source.height,
        "width": source.width,
        "n_x": target.width,
    }
    for name, value in required.items():
        if instruction[name] != value:
            raise NotCertified(f"{name} is {instruction[name]}, and must be {value}")
    channels = claim.channel0 + np.arange(groups)[:, None] * word + np.arange(word)
    if (
        claim.channel0 < 0
        or claim.y0 < 0
        or claim.y0 + n_y > target.height
        or (channels[:, 0] >= target.channels).any()
    ):
        raise NotCertified(f"makes elements that {claim.tensor!r} does not have")
    y, ky = np.arange(n_y)[:, None], np.arange(node.kernel[0])
    x, kx = np.arange(target.width)[:, None], np.arange(node.kernel[1])
    rows, columns = y * node.stride[0] + ky, x * node.stride[1] + kx
    iy, ix = instruction["iy0"] + rows, instruction["ix0"] + columns
    inside = ((iy >= 0) & (iy < source.height))[:, None, :, None] & ((ix >= 0) & (ix < source.width))[None, :, None]
    if not inside.any(axis=(2, 3)).all():
        raise NotCertified("a window holds padding only")
    # [groups, y, x, ky, kx, bytes of the word]
    group = np.arange(groups)[:, None, None, None, None]
    pixel = rows[:, None, :, None] * instruction["row_step"] + columns[None, :, None] * word
    words = instruction["base"] + group * instruction["group_step"] + pixel
    read = memory.bounded(words[:, inside])
    if (read % word).any():
        raise NotCertified(f"reads at addresses that are no multiples of {word}")
    out = instruction["out_base"] + group[..., 0, 0] * instruction["out_group_step"]
    out = memory.bounded(out + y * instruction["out_row_step"] + np.arange(target.width) * word)
    if (out % word).any() or np.isin(out, read).any():
        raise NotCertified(f"writes over what it reads, or to addresses that are no multiples of {word}")
    found = memory.read(work, read[..., None] + np.arange(word))
    where = np.nonzero(inside)
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
    elements = numbering.elements(
        claim.tensor, channels[:, None, None], claim.y0 + y[:, None], np.arange(target.width)[:, None]
    )
    spare = np.where((found == UNWRITTEN).any(axis=1), UNWRITTEN, NOBODYS).astype(np.int32)
    results = np.where(exists[:, None, None], elements, spare[:, None, None])
    memory.write(work, out[..., None] + np.arange(word), results)
