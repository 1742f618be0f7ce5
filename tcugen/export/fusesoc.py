"""A FuseSoC core: CAPI2, with the sources, the waivers and the clock."""

from tcugen.export.build_folder import LINT, SOURCES, Build

CORE = """CAPI=2:
name: "tcugen:ip:tcu:{version}"
description: "Tensor compute unit for {network}, {rows}x{columns} multipliers"
filesets:
  rtl:
    files:
{sources}
    file_type: verilogSource
  waivers:
    files: [{lint}: {{file_type: vlt}}]
  clock:
    files: [tcu.sdc: {{file_type: SDC}}]
targets:
  default: &default
    filesets: [rtl]
    toplevel: tcu_top
  lint:
    <<: *default
    filesets: [rtl, waivers]
    description: "Verilator's linter"
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wall]
  synth:
    <<: *default
    filesets: [rtl, clock]
    description: "Synthesis; name the tool with --tool"
    default_tool: yosys
    tools:
      yosys: {{arch: xilinx}}
"""


def core(build: Build) -> bytes:
    """Text of `tcu.core`; files are beside it."""
    architecture = build.architecture
    return CORE.format(
        version=build.version,
        network="".join(
            c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in build.program.network
        ),
        rows=architecture.rows,
        columns=architecture.columns,
        sources="\n".join(f"      - {name}" for name in SOURCES),
        lint=LINT,
    ).encode()
