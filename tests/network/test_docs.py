"""The format's page tells the truth: its example is read, its message is the real one, its names are all there."""

import re
from pathlib import Path

import pytest

from tcugen.network.bundled import NETWORK_NAMES
from tcugen.network.graph import NetworkError
from tcugen.network.layer_config import parse_layer_config
from tcugen.network.schema import RULES
from tests.typed import present

PAGE = (Path(__file__).parents[2] / "docs" / "layer-config.md").read_text()
EXAMPLE = present(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)).group(1)


def test_the_example_is_read():
    network = parse_layer_config(EXAMPLE)
    assert [node.name for node in network.nodes] == ["conv1", "conv2", "sum", "pool", "average", "fc"]


def test_the_message_is_the_real_one():
    wrong = EXAMPLE.replace('"kernel": [3, 3]', '"kernel": [0, 3]', 1)
    with pytest.raises(NetworkError) as caught:
        parse_layer_config(wrong, "net.json")
    assert f"\n{caught.value}\n" in PAGE


def test_every_key_and_bundled_name_is_on_the_page():
    for word in (*RULES, *NETWORK_NAMES):
        assert f"`{word}`" in PAGE
