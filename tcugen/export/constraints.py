"""The one constraint that the machine needs: its clock. Ports have no pins; they are inside the user's design."""

from tcugen.export.build_folder import Build

DEFAULT_MHZ = 100.0


def constraints(build: Build) -> dict[str, bytes]:
    """The clock as SDC and as XDC; the latter belongs to synthesis out of context."""
    mhz = build.clock_mhz or DEFAULT_MHZ
    source = "the clock that the build was reckoned with" if build.clock_mhz else "an assumed clock; write your own"
    text = f"# {mhz:g} MHz: {source}.\ncreate_clock -name aclk -period {1000 / mhz:.3f} [get_ports aclk]\n"
    return {"tcu.sdc": text.encode(), "tcu_ooc.xdc": text.encode()}
