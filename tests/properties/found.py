"""Cases that once failed, shrunk; each says what was wrong."""

from tcugen.arch import Architecture
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, MaxPool, Requantise
from tests.properties.cases import Case


def _network(shape: tuple[int, int, int], *nodes: Node) -> Network:
    return Network("found", (("x0", Shape(*shape)),), nodes)


FOUND = {
    # The pool has all it reads before the convolution is done: the rest of the convolution was not emitted.
    "pool_reads_the_first_row_only": (
        Case(
            _network(
                (1, 3, 11),
                Add("n0", ("x0", "x0")),
                Conv("n1", ("n0",), 1, kernel=(3, 3), padding=(0, 0, 2, 2)),
                Add("n2", ("n0", "n1")),
                MaxPool("n3", ("n2",), (1, 1), stride=(3, 1)),
                Requantise("n4", ("n3",)),
            )
        ),
        Architecture(rows=4, columns=4, activation_kib=64, bus_bytes=4, accumulator_depth=32, output_lanes=1),
    ),
    # Sums that are all alike, as windows see padding only: the made-up scale left no multiplier in range.
    "window_in_the_padding": (
        Case(
            _network(
                (1, 1, 1),
                Conv("n0", ("x0",), 4, kernel=(4, 4), stride=(2, 1), padding=(4, 0, 0, 3)),
                Requantise("n1", ("n0",)),
            ),
            seed=133,
        ),
        Architecture(rows=4, columns=4, activation_kib=64, bus_bytes=4, output_lanes=1),
    ),
    "add_of_nearly_nothing": (
        Case(
            _network(
                (1, 1, 1),
                Conv("n0", ("x0",), 1, kernel=(3, 3), padding=(0, 0, 2, 2)),
                Conv("n1", ("n0",), 1, kernel=(3, 3), padding=(0, 0, 2, 2)),
                Add("n2", ("n0", "n1")),
            ),
            seed=3,
        ),
        Architecture(rows=4, columns=4, activation_kib=64, bus_bytes=4, output_lanes=1),
    ),
    # Channels that do not fill the last word: the lanes beyond them were taken for read.
    "average_of_a_partly_filled_word": (
        Case(
            _network(
                (3, 3, 12),
                Conv("n0", ("x0",), 18, (1, 1), stride=(1, 2)),
                GlobalAveragePool("n1", ("n0",)),
            )
        ),
        Architecture(rows=32, columns=32, activation_kib=4, bus_bytes=16, output_lanes=1),
    ),
}
