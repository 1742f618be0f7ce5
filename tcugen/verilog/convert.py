"""From a component to Verilog: one module per component."""

from tcugen.verilog.fragments import AnyComponent
from tcugen.verilog.hierarchy import modules


def convert(top: AnyComponent, platform: object, foreign: dict[str, tuple[str, ...]]) -> str:
    """Verilog-2001 of `top` and all components in it, elaborated for `platform`; `top` comes last.

    Args:
        foreign: Ports, in order, of modules that are instantiated but written by hand.

    Raises:
        HierarchyError: If a component cannot be a module of its own.
        UnknownCell: If it holds what is not written, such as an asynchronous reset.
    """
    return "\n".join(comment(part.doc) + part.text for part in modules(top, platform, foreign))


def comment(text: str) -> str:
    """`text` as lines of a Verilog comment."""
    return "".join(f"// {line}".rstrip() + "\n" for line in text.splitlines())
