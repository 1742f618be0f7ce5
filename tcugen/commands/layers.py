"""`tcugen layers`: a network's layers as a table, or its layer config as a file."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tcugen.console.outcome import UsageError
from tcugen.network.graph import Network
from tcugen.network.layer_config import load_network, write_layer_config
from tcugen.network.layer_tables import FORMATS, scalesim, timeloop, zigzag
from tcugen.network.operators import Conv, Linear, Windowed


def layers(argument: str, output: Path | None, console: Console, form: str | None = None) -> None:
    """Print the layers of a network, or write its layer config to `output`; or its convolutions in the form of another
    tool, see `layer_tables`: one file, for Timeloop a folder of one per convolution.

    Raises:
        NetworkError: If there is no such network.
        UsageError: If `output` cannot be written.
    """
    if form is not None and form not in FORMATS:
        raise UsageError(f"--format is {form!r}, but it must be one of {', '.join(FORMATS)}; leave it out for our own")
    if form is not None and output is None:
        raise UsageError(f"--format {form} is for a file, but there is no -o; name where to write")
    network, note = load_network(argument)
    if note:
        console.print(note, highlight=False, markup=False)
    if output is None:
        console.print(layer_table(network))
        console.print(_summary(network), highlight=False)
        return
    try:
        if form == "timeloop":
            output.mkdir(parents=True, exist_ok=True)
            for name, text in timeloop(network).items():
                (output / name).write_text(text)
        else:
            written = {None: write_layer_config, "scalesim": scalesim, "zigzag": zigzag}
            output.write_text(written[form](network))
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}; choose another file with -o") from None
    console.print(f"{output}: {_summary(network)}", highlight=False, markup=False)


def layer_table(network: Network) -> Table:
    """One line per node with its operator, shapes and multiply-accumulates."""
    table = Table(title=escape(network.name))
    for heading in ("node", "operator", "inputs", "kernel", "stride", "output"):
        table.add_column(heading)
    table.add_column("MACs", justify="right")
    for node in network.nodes:
        kernel, stride = (node.kernel, node.stride) if isinstance(node, Windowed) else ((), ())
        table.add_row(
            escape(node.name),
            node.op,
            escape(", ".join(node.inputs)),
            "x".join(map(str, kernel)),
            "x".join(map(str, stride)),
            str(network.shapes[node.name]),
            f"{network.macs(node):,}" if network.macs(node) else "",
        )
    return table


def _summary(network: Network) -> str:
    convolutions = sum(isinstance(node, Conv) for node in network.nodes)
    linears = sum(isinstance(node, Linear) for node in network.nodes)
    return f"{network.mac_count:,} MACs in {convolutions} convolutions and {linears} fully connected layers"
