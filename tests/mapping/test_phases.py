"""Phases of average pools: every output pixel in one, and taps that the picture has."""

import pytest

from tcugen.mapping.phases import average_phases, divisor
from tcugen.network.graph import Shape
from tcugen.network.operators import AveragePool


@pytest.mark.parametrize("shape", [Shape(5, 9, 7), Shape(5, 1, 2), Shape(5, 2, 2)])
@pytest.mark.parametrize("kernel, stride", [((3, 3), (1, 1)), ((4, 2), (2, 3)), ((5, 4), (3, 1))])
def test_every_pixel_is_in_one_phase_with_its_taps(shape, kernel, stride):
    pads = (kernel[0] - 1, kernel[1] - 1, kernel[0] - 1, 0)
    node = AveragePool("a", ("x",), kernel, stride, pads)
    output, seen = node.output_shape([shape]), {}
    for phase in average_phases(node, shape):
        for row in range(phase.size[0]):
            for column in range(phase.size[1]):
                y, x = phase.place(row, column)
                assert (y, x) not in seen
                inside = [
                    (y * stride[0] - pads[0] + ky, x * stride[1] - pads[1] + kx)
                    for ky in range(kernel[0])
                    for kx in range(kernel[1])
                ]
                inside = {(v, u) for v, u in inside if 0 <= v < shape.height and 0 <= u < shape.width}
                corner = row * stride[0] - phase.padding[0], column * stride[1] - phase.padding[1]
                taps = {
                    (corner[0] + ky, corner[1] + kx) for ky in range(phase.kernel[0]) for kx in range(phase.kernel[1])
                }
                assert inside <= taps and divisor(node, shape, phase) == len(inside)
                seen[y, x] = phase
    assert len(seen) == output.height * output.width


def test_rows_of_a_stripe():
    (phase,) = average_phases(AveragePool("a", ("x",), (2, 2), (2, 2)), Shape(3, 8, 8))
    assert phase.rows(1, 3) == (1, 3) and phase.rows(4, 9) == (4, 4)
