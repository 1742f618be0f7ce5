"""cocotb bench: every tensor of a job, image after image without a reset in between, equals golden."""

from typing import Any

import cocotb

from sim.bench import TIMEOUT, Bench
from sim.job import Outcome


@cocotb.test(**TIMEOUT)
async def every_tensor_equals_golden(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    runs = [await bench.check_image(number) for number in range(bench.job.images)]
    Outcome(
        cycles=[run.counters["CYCLES"] for run in runs],
        bursts=bench.rules.bursts,
        elements=sum(tensor.size for tensor in bench.job.expected.values()),
    ).write(bench.directory)
