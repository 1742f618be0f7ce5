"""Which tests and proofs speak of which file of the RTL; all of them are run by `make test`."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

FURTHER: dict[str, tuple[str, ...]] = {
    "accumulators": ("pixels",),
    "activation": ("store", "pixels"),
    "axi": ("reader", "writer", "load"),
    "column_groups": ("drain", "residual_reader"),
    "control": ("program_run",),
    "counters": ("program_run", "host"),
    "decode": ("fetch", "load"),
    "delay": (),
    "depthwise": ("depthwise_parity",),
    "dispatch": ("longest_wait", "program_run"),
    "fetch": ("program_run",),
    "fifo": ("reader", "load"),
    "gate": ("dispatch",),
    "header_check": ("image_check", "program_run"),
    "host": ("window_rules", "program_run"),
    "image_check": ("program_run",),
    "instruction_memory": ("dispatch",),
    "longest_wait": ("program_run",),
    "loops": ("passes", "drain"),
    "multiple": ("column_groups", "weights"),
    "packer": ("store",),
    "passes": ("loader",),
    "pipeline": ("requantise", "table", "multiply", "fixed_point"),
    "pool": ("depthwise",),
    "product": ("passes", "pool"),
    "queue": ("activation",),
    "reader": ("load", "weights", "program_run"),
    "requantise": ("fixed_point",),
    "residual": ("residual_sums",),
    "ring": ("weights",),
    "row_ends": ("store",),
    "segments": ("load", "store"),
    "window": ("reader", "writer"),
    "window_rules": ("host",),
    "writer": ("store",),
}
"""Units whose tests say something of a file, beside those of its own name. Where neither is there, networks judge."""

NETWORKS = (
    "tests/regression/test_products_rtl.py",
    "tests/timing/test_products_against_rtl.py",
    "tests/regression/test_unrounded_rtl.py",
)
"""Every tensor is golden's, counters add up, cycles are those of the replay: on a machine with all that is optional."""

FAULTS = ("tests/sim/test_fault_kinds.py::test_no_fault_goes_unnoticed",)
"""Faults of bus, host, windows and resets on the reference build."""

FURTHER_NETWORKS = (
    "tests/properties/test_rtl.py::test_every_tensor_equals_golden_on_a_machine_with_tables",
    "tests/timing/test_depthwise_against_rtl.py",
    "tests/sim/test_tensors.py",
    "tests/timing/test_against_rtl.py::test_block_whose_tensors_are_in_memory",
)
"""Random networks, tensors in memory, every shape on buses that pause: on machines of other sizes."""

TEXT = ("tests/rtl/test_emit.py", "tests/rtl/test_ports.py", "tests/rtl/test_lint.py", "tests/fpga/test_memories.py")
"""Ports are those documented, fields have names, memories are those listed, Verilator has no complaint."""


def unit_tests(file: str) -> list[str]:
    """Test files for a file of the RTL, its own first."""
    stem = file.removesuffix(".py")
    names = (stem, *FURTHER.get(stem, ()))
    paths = [f"tests/rtl/test_{name}.py" for name in names]
    return [path for path in paths if (ROOT / path).exists()]
