"""Processes for work side by side."""

import torch

from tcugen.processes import process_pool


def test_a_process_is_none_of_this_one():
    # Beside torch's threads a forked process would wait for one that it does not have.
    torch.nn.functional.conv2d(torch.ones(1, 8, 64, 64), torch.ones(8, 8, 3, 3))
    with process_pool(1) as pool:
        assert pool.submit(eval, "'torch' in __import__('sys').modules").result(timeout=60) is False
