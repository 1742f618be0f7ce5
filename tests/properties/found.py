"""Cases that once failed, shrunk; each says what was wrong."""

from tcugen.arch import Architecture
from tcugen.network.graph import Network, Node, Shape
from tests.properties.cases import Case


def _network(shape: tuple[int, int, int], *nodes: Node) -> Network:
    return Network("found", (("x0", Shape(*shape)),), nodes)


FOUND = {
    # The pool has all it reads before the convolution is done: the rest of the convolution was not emitted.
    "pool_reads_the_first_row_only": (
        Case(
            _network(
                (1, 3, 11),
                Node("n0", "add", ("x0", "x0")),
                Node("n1", "conv", ("n0",), out_channels=1, kernel=(3, 3), padding=(0, 0, 2, 2)),
                Node("n2", "add", ("n0", "n1")),
                Node("n3", "max_pool", ("n2",), stride=(3, 1)),
                Node("n4", "requantise", ("n3",)),
            )
        ),
        Architecture(rows=4, columns=4, activation_kib=64, bus_bytes=4, accumulator_depth=32, output_lanes=1),
    ),
    # Sums that are all alike, as windows see padding only: the made-up scale left no multiplier in range.
    "window_in_the_padding": (
        Case(
            _network(
                (1, 1, 1),
                Node("n0", "conv", ("x0",), out_channels=4, kernel=(4, 4), stride=(2, 1), padding=(4, 0, 0, 3)),
                Node("n1", "requantise", ("n0",)),
            ),
            seed=133,
        ),
        Architecture(rows=4, columns=4, activation_kib=64, bus_bytes=4, output_lanes=1),
    ),
    "add_of_nearly_nothing": (
        Case(
            _network(
                (1, 1, 1),
                Node("n0", "conv", ("x0",), out_channels=1, kernel=(3, 3), padding=(0, 0, 2, 2)),
                Node("n1", "conv", ("n0",), out_channels=1, kernel=(3, 3), padding=(0, 0, 2, 2)),
                Node("n2", "add", ("n0", "n1")),
            ),
            seed=3,
        ),
        Architecture(rows=4, columns=4, activation_kib=64, bus_bytes=4, output_lanes=1),
    ),
    # Channels that do not fill the last word: the lanes behind them were taken for read.
    "average_of_a_partly_filled_word": (
        Case(
            _network(
                (3, 3, 12),
                Node("n0", "conv", ("x0",), out_channels=18, stride=(1, 2)),
                Node("n1", "global_average_pool", ("n0",)),
            )
        ),
        Architecture(rows=32, columns=32, activation_kib=4, bus_bytes=16, output_lanes=1),
    ),
}
