"""Blocks, rectangles and ranges."""

import numpy as np
import pytest

from tcugen.mapping.tiling import block_rows, rectangles, split, x_tiles


@pytest.mark.parametrize(
    "n_y, n_x, depth, expected",
    [(56, 56, 256, 4), (28, 28, 256, 7), (14, 14, 256, 14), (7, 7, 256, 7), (5, 300, 256, 1)],
)
def test_blocks(n_y, n_x, depth, expected):
    assert block_rows(n_y, n_x, depth) == expected


def test_rectangles_cover_every_pixel_once():
    for n_y, n_x in ((5, 300), (17, 33), (1, 4096), (40, 16)):
        seen = np.zeros((n_y, n_x), int)
        for rectangle in rectangles(0, n_y, n_x, 256):
            for y0, y1 in rectangle.blocks():
                assert (y1 - y0) * rectangle.n_x <= 256
                seen[y0:y1, rectangle.x0 : rectangle.x1] += 1
        assert (seen == 1).all()
    assert x_tiles(300, 256) == ((0, 150), (150, 300)) and split(3, 5) == ((0, 1), (1, 2), (2, 3))
