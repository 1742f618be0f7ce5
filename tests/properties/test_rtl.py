"""Random small networks on the RTL: every tensor is golden's. Few machines, so that few simulators are built."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.machines import ODD, Emitted, machine
from tests.properties.cases import simulated
from tests.properties.networks import cases

EXAMPLES = 40
"""Per odd machine: 200 in all."""

FEWER_EXAMPLES = 20
"""On the machine that other tests use too."""

MOST_REFUSED = 0.3
"""Share of the cases that may be refused because a tiny activation memory is too small; the others must run. Of 40 it
is 1 to 9 on the odd machines."""


def check_cases(name: str, rtl: Emitted, examples: int, tables: int = 0, products: int = 0) -> None:
    options = dict.fromkeys(("multiply", "per_channel", "unrounded_add"), products)
    architecture = replace(machine(name), tables=tables, **options)
    folder, ran = rtl(architecture), []

    @seed(examples)
    @settings(max_examples=examples, suppress_health_check=[HealthCheck(check) for check in HealthCheck])
    @given(cases(tables=tables, products=products))
    def check(case):
        ran.append(simulated(case, architecture, folder))

    check()
    assert len(ran) >= examples
    assert ran.count(0) < MOST_REFUSED * len(ran)


@pytest.mark.slow
def test_every_tensor_equals_golden(rtl):
    check_cases("8x8", rtl, FEWER_EXAMPLES)


@pytest.mark.slow
def test_every_tensor_equals_golden_on_a_machine_with_tables(rtl):
    check_cases("8x6", rtl, FEWER_EXAMPLES, tables=1)


@pytest.mark.verify
def test_every_tensor_equals_golden_on_a_machine_with_products(rtl):
    check_cases("8x6", rtl, FEWER_EXAMPLES, tables=1, products=1)


@pytest.mark.verify
@pytest.mark.parametrize("name", ODD)
def test_every_tensor_equals_golden_on_odd_machines(name, rtl):
    check_cases(name, rtl, EXAMPLES)


@pytest.mark.verify
@pytest.mark.parametrize("name", ["4x4", "4x16", "16x12", "32x8"])
def test_every_tensor_equals_golden_on_odd_machines_with_tables_and_products(name, rtl):
    check_cases(name, rtl, EXAMPLES, tables=1, products=1)
