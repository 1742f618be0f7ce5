"""What is quantized compiles, and the emulator computes what the golden model does: clamps, groups, odd kernels."""

import numpy as np
import pytest
from torch import nn

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.evaluate.emulate import emulate
from tcugen.model.images import quantise_images
from tcugen.quantize.choose import choose
from tcugen.quantize.export import import_module
from tests.quantize.modules import SHAPE, Odd, Small, images, trained

MACHINE = Architecture(rows=8, columns=8, output_lanes=2, activation_kib=64, accumulator_depth=64)


class Rectified(nn.Module):
    """Limits on a mean and on logits."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)).clamp(-0.1, 0.2)).relu()


@pytest.mark.parametrize(
    "make, int32_output", [(Small, False), (Small, True), (Odd, False), (Odd, True), (Rectified, False)]
)
def test_emulator_and_golden_agree(make, int32_output):
    model = choose(import_module(trained(make()), SHAPE, "net"), images(8), ["least squares"], int32_output).best.model
    batch = images(3, seed=8)
    found = emulate(model, compile_network(model, MACHINE), batch)
    want = golden.run(model, {"image": quantise_images(batch, model.quantization("image"))})
    assert np.array_equal(found, want[model.network.nodes[-1].name])
    assert len(np.unique(found)) > 3
