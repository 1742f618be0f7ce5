"""The machine as a LiteX module."""

from importlib.resources import files

from tcugen.export.build_folder import SOURCES, Build


def module(build: Build) -> dict[str, bytes]:
    """Files by name: the module, the Verilog and the architecture that it reads."""
    text = (files("tcugen.export") / "files" / "tcu_litex.py").read_bytes()
    sources = {name: build.files[name] for name in SOURCES}
    return {"tcu_litex.py": text, "architecture.json": build.architecture.to_json().encode(), **sources}
