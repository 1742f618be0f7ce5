"""A page of a real plan, and a real browser that opens it."""

from pathlib import Path
from typing import Any

import pytest

from tcugen.console.machine import MachineFlags, sized
from tcugen.console.page_content import build_page
from tcugen.network.layer_config import load_network
from tcugen.page.content import PageContent

REFERENCE = Path(__file__).parents[2] / "examples" / "reference.json"


def content_of(network: str, **flags: Any) -> PageContent:
    """What the page of a build shows."""
    graph, _ = load_network(network)
    return build_page(graph, sized(graph, MachineFlags(**flags)), "Placeholders", None, None, {})


@pytest.fixture(scope="session")
def reference_content() -> PageContent:
    """Of the reference network on 4x4."""
    return content_of(str(REFERENCE), array="4x4", activation_kib=16)


@pytest.fixture(scope="session")
def striped_content() -> PageContent:
    """Of a network whose tensors do not all fit on chip."""
    return content_of("resnet20", array="8x8", activation_kib=16)
