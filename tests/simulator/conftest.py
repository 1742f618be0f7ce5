"""The copy machine and one cache of built simulators for all tests."""

from pathlib import Path

import pytest

from tcugen.arch import Architecture
from tests.simulator.copy_machine import emit_copy_machine


@pytest.fixture(scope="session")
def architecture() -> Architecture:
    return Architecture(rows=8, columns=8, output_lanes=8, bus_bytes=8, activation_kib=128)


@pytest.fixture(scope="session")
def copy_machine(tmp_path_factory, architecture) -> Path:
    return emit_copy_machine(tmp_path_factory.mktemp("rtl"), architecture, architecture.fingerprint)


@pytest.fixture(scope="session")
def cache_dir(pytestconfig) -> Path:
    """One cache for all tests, kept from run to run: a simulator is compiled again only when its inputs change."""
    return pytestconfig.cache.mkdir("tcugen-simulators")
