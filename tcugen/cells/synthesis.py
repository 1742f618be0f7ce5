"""From a build's Verilog to a netlist of a library's cells, by Yosys, module by module. Netlists are kept by the hash
of what they are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tcugen.cells.cell_library import Library
from tcugen.fpga.errors import SynthesisError
from tcugen.fpga.netlist_cache import kept_netlist
from tcugen.fpga.synthesis import TOP
from tcugen.fpga.tools import Tool, find_yosys_of

NETLIST = "netlist.json"
OLDEST_YOSYS = (0, 23)
_SOURCES = ("tcu_sram_1r1w.v", "tcu_top.v")
_OWN = ("memory_words.v", "memory_map.v")
_LIBERTY, _CONSTRAINTS, _GATES = "cells.lib", "modules.constr", "gates.abc"


@dataclass(frozen=True)
class Mapped:
    """A synthesised machine: Yosys' JSON of it, the log is beside it; and what made it."""

    path: Path
    yosys: Tool


def script() -> str:
    """What Yosys does with the machine.

    Modules stay apart, so that each has its area, and registers keep names and encoding, so that waves of the Verilog
    tell how often they toggle. Both kinds of memories stay black boxes: instances of `tcu_sram_1r1w`, and the small
    ones that are read without a clock. Outputs for observation are left open, as the user's guide says.
    """
    return "\n".join(
        (
            f"read_liberty -lib -ignore_miss_func {_LIBERTY}",
            f"read_verilog -lib {_SOURCES[0]} {_OWN[0]}",
            f"read_verilog {_SOURCES[1]}",
            f"hierarchy -check -top {TOP}",
            f"delete -port {TOP}/o:trace_*",
            f"synth -run begin:fine -top {TOP} -nofsm -nordff -noshare",
            f"techmap -map {_OWN[1]}",
            f"synth -run fine:check -top {TOP} -noabc",
            f"dfflibmap -liberty {_LIBERTY}",
            f"abc -liberty {_LIBERTY} -constr {_CONSTRAINTS} -script {_GATES}",
            "opt_clean",
            f"write_json {NETLIST}",
            "check -assert -mapped",
            "",
        )
    )


def gate_script(library: Library) -> str:
    """What ABC does with the gates of each module: that of Yosys with a delay, and no more than 16 gates on a net that
    comes from a register or from another module, too."""
    return "\n".join(
        (
            "strash",
            "&get -n",
            "&fraig -x",
            "&put",
            "scorr",
            "dc2",
            "strash",
            "&get -n",
            "&dch -f",
            f"&nf -D {library.delay_ps}",
            "&put",
            "buffer -p -N 16",
            f"upsize -D {library.delay_ps}",
            f"dnsize -D {library.delay_ps}",
            "stime -p",
            "",
        )
    )


def synthesise(
    build: Path,
    library: Library,
    cache_dir: Path,
    timeout_seconds: float,
    report: Callable[[str], None],
    announce: Callable[[str], None] = lambda _: None,
) -> Mapped:
    """The machine in folder `build` as cells of `library`, from the cache if it is there.

    Args:
        cache_dir: Where netlists are kept.
        timeout_seconds: For Yosys.
        report: Takes what Yosys is at.
        announce: Takes one line before Yosys starts.

    Raises:
        SynthesisError: If Yosys or the library is missing, or Yosys fails or takes too long.
    """
    yosys = find_yosys_of(OLDEST_YOSYS)
    sources = {name: (build / name).read_bytes() for name in _SOURCES}
    sources |= {name: (Path(__file__).parent / name).read_bytes() for name in _OWN}
    try:
        sources[_LIBERTY] = library.liberty.read_bytes()
    except OSError as error:
        raise SynthesisError(
            f"{library.liberty} cannot be read ({error.strerror}); install it (Debian: apt install {library.package})"
        ) from None
    sources[_CONSTRAINTS] = f"set_driving_cell {library.driver}\nset_load {library.load_ff}\n".encode()
    sources[_GATES] = gate_script(library).encode()
    folder = kept_netlist(
        library.name,
        f"cells of {library.name}",
        script(),
        sources,
        NETLIST,
        yosys,
        cache_dir,
        timeout_seconds,
        report,
        announce,
    )
    return Mapped(folder / NETLIST, yosys)
