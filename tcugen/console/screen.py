"""Where commands print."""

from rich.console import Console


def screen() -> Console:
    """The terminal; where nobody looks at one, tables keep their width instead of being cut to 80 columns."""
    console = Console()
    return console if console.is_terminal else Console(width=160)
