"""What the modules of a machine take of standard cells, as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table


def area_table(title: str, modules: Sequence[Mapping[str, Any]]) -> Table:
    """One row per module, and their sum.

    Args:
        modules: With `module`, `instances`, `area_um2`, `flip_flops`, `memory_bits`, and `power_mw` if that is known.
    """
    with_power = any(module.get("power_mw") is not None for module in modules)
    table = Table(title=title)
    table.add_column("module, without those inside")
    for heading in ("instances", "area, um2", "share", "flip-flops", "bits of memory"):
        table.add_column(heading, justify="right")
    if with_power:
        table.add_column("mW", justify="right")
    whole = sum(module["area_um2"] for module in modules)
    for module in modules:
        share = f"{100 * module['area_um2'] / whole:.1f} %" if whole else ""
        _add(table, module["module"], f"{module['instances']:,}", share, [module], with_power)
    table.add_section()
    _add(table, "all", "", "", modules, with_power)
    return table


def _add(
    table: Table, name: str, instances: str, share: str, modules: Sequence[Mapping[str, Any]], with_power: bool
) -> None:
    area, flip_flops, bits = (
        sum(module[key] for module in modules) for key in ("area_um2", "flip_flops", "memory_bits")
    )
    power = [f"{sum(module['power_mw'] for module in modules):.3f}"] if with_power else []
    table.add_row(name, instances, f"{area:,.0f}", share, f"{flip_flops:,}", f"{bits:,}" if bits else "", *power)
