"""Random small networks on random architectures: every program that the compiler makes is certified."""

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tcugen.certify.checker import certify
from tests.certify.programs import files_of
from tests.properties.cases import compiled
from tests.properties.found import FOUND
from tests.properties.networks import architectures, cases

PARTS, EXAMPLES = 4, 60


def is_certified(case, architecture) -> bool:
    """False if the memory is too small for the network."""
    model, _ = case.data()
    program = compiled(model, architecture)
    if program is not None:
        certify(model, architecture, files_of(program, architecture))
    return program is not None


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_program_is_certified(part):
    ran = []

    @seed(100 + part)
    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck(check) for check in HealthCheck])
    @given(cases(part % 2, part // 2 % 2), architectures(part % 2, part // 2 % 2))
    def check(case, architecture):
        ran.append(is_certified(case, architecture))

    check()
    assert ran.count(True) > 0.75 * EXAMPLES, "the others need more memory than there is"


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_is_certified(name):
    assert is_certified(*FOUND[name])
