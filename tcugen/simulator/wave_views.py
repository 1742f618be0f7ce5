"""What waves are looked at with: the signals worth seeing first, grouped by unit, for GTKWave and for Surfer."""

from pathlib import Path

_HANDSHAKE = ("instruction_valid", "instruction_ready")

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "run": ("", ("aclk", "aresetn", "irq", "trace_layer[11:0]")),
    "bus, reads": ("", ("m_axi_arvalid", "m_axi_arready", "m_axi_araddr[39:0]", "m_axi_rvalid", "m_axi_rready")),
    "bus, writes": ("", ("m_axi_awvalid", "m_axi_awready", "m_axi_awaddr[39:0]", "m_axi_wvalid", "m_axi_bvalid")),
    "dispatch": ("u_core.u_dispatch", ("i_valid", "i_ready", "unit_busy[5:0]", "compute_waiting")),
    "weight stream": ("u_core.u_weight_stream", (*_HANDSHAKE, "busy", "weight_en", "parameter_en")),
    "load": ("u_core.u_load", (*_HANDSHAKE, "beat_valid", "write_valid", "write_ready", "done")),
    "array": (
        "u_core.u_compute",
        (*_HANDSHAKE, "active", "layer[11:0]", "request_en", "waiting_for_weights", "waiting_for_bank", "tile_done"),
    ),
    "output stage": ("u_core.u_output", (*_HANDSHAKE, "busy", "read_en", "read_bank", "write_en", "tile_done")),
    "pool": ("u_core.u_pool", (*_HANDSHAKE, "busy", "read_valid", "write_valid", "done")),
    "store": ("u_core.u_store", (*_HANDSHAKE, "read_valid", "word_valid", "data_valid", "done")),
    "stalls": ("u_core.u_stalls", ("busy", "reason[2:0]", "layer[11:0]")),
}
"""Instance below the top module, and its signals, by the name of the group."""

TOP = "TOP.tcu_top"
"""Where the top module is in the file of waves."""


def signals(bus_address_bits: int) -> dict[str, list[str]]:
    """Full names by group, for a machine with addresses of so many bits."""
    return {
        group: [
            ".".join(part for part in (TOP, instance, name.replace("[39:0]", f"[{bus_address_bits - 1}:0]")) if part)
            for name in names
        ]
        for group, (instance, names) in GROUPS.items()
    }


def gtkwave_view(waves: Path, bus_address_bits: int) -> str:
    """A save file: `gtkwave WAVES VIEW`."""
    lines = ["[*] Groups by unit", f'[dumpfile] "{waves.name}"', "[timestart] 0"]
    for group, names in signals(bus_address_bits).items():
        # 800200: the beginning of a group, 1000200: its end; 28: a signal of one bit, 22: hexadecimal.
        lines += ["@800200", f"-{group}"]
        for name in names:
            lines += ["@22" if name.endswith("]") else "@28", name]
        lines += ["@1000200", f"-{group}"]
    return "\n".join(lines) + "\n"


def surfer_view(bus_address_bits: int) -> str:
    """A command file: `surfer --command-file VIEW WAVES`."""
    lines: list[str] = []
    for group, names in signals(bus_address_bits).items():
        lines.append(f"divider_add {group}")
        # Surfer names a vector without its range.
        lines += [f"variable_add {name.partition('[')[0]}" for name in names]
    return "\n".join([*lines, "zoom_fit"]) + "\n"
