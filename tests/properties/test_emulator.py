"""Random small networks on random architectures: the compiled program, executed, gives golden's tensors."""

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.properties.cases import emulated
from tests.properties.found import FOUND
from tests.properties.networks import architectures, cases

PARTS = 8
EXAMPLES = 250
"""Per part: 2,000 in all; parts, so that they share the cores."""

MOST_REFUSED = 0.2
"""Share of the cases that may be refused because the activation memory is too small: all others must run."""


def check_options(part: int, *options: int) -> None:
    """Networks and machines with `options`, those of `cases`."""
    ran = []

    @seed(part)
    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck(check) for check in HealthCheck])
    @given(cases(*options), architectures(*options))
    def check(case, architecture):
        ran.append(emulated(case, architecture))

    check()
    assert len(ran) >= EXAMPLES
    assert ran.count(0) < MOST_REFUSED * len(ran)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_tensor_equals_golden(part):
    check_options(part, part % 2, part // 2 % 2)


@pytest.mark.parametrize("part", range(2))
def test_every_tensor_equals_golden_with_depthwise_convolutions_beside_the_array(part):
    check_options(part, 0, part, 1)


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_stays_right(name):
    assert emulated(*FOUND[name])
