"""How much activation memory a network needs, and which tensors go to memory when there is too little."""

from tcugen.arch import Architecture
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv
from tcugen.sizing.tasks import Task


def pixel_bytes(network: Network, tasks: tuple[Task, ...], architecture: Architecture) -> dict[str, int]:
    """Bytes from pixel to pixel of every tensor.

    Normally `rows`, one word. A tensor of fewer channels is thin if plain convolutions over several pixels alone read
    it: then kernel columns fold into one array pass.
    """
    rows, shapes = architecture.rows, network.shapes

    def thin(tensor: str) -> bool:
        readers = [task for task in tasks if tensor in task.reads]
        return shapes[tensor].channels < rows and all(
            isinstance(task.node, Conv)
            and task.groups == 1
            and task.residual != tensor
            and (task.input_shape.height, task.input_shape.width) != (1, 1)
            for task in readers
        )

    sizes = {name: shape.channels if thin(name) else rows for name, shape in network.inputs}
    for task in tasks:
        size = rows
        if isinstance(task.node, Conv) and task.residual is None and thin(task.output):
            size = max(1 << (task.output_shape.channels - 1).bit_length(), architecture.output_lanes)
        sizes[task.output] = size
    return sizes


def tensor_bytes(shape: Shape, bytes_per_pixel: int, architecture: Architecture) -> int:
    """Bytes of a tensor in the activation memory: planes of `rows` channels, each row aligned to the bus."""
    row = -(-shape.width * bytes_per_pixel // architecture.bus_bytes) * architecture.bus_bytes
    return -(-shape.channels // architecture.rows) * shape.height * row


def live_tensors(network: Network, tasks: tuple[Task, ...]) -> list[tuple[str, ...]]:
    """For each task, the tensors that take space while it runs.

    A tensor lives from its first load or its producer to its last reader; one that nobody reads stays until the end.
    The result of an add takes the place of the residual operand if nobody reads that later.
    """
    last: dict[str, int] = {}
    for index, task in enumerate(tasks):
        for tensor in task.reads:
            last[tensor] = index
    first = {task.output: index for index, task in enumerate(tasks)}
    first |= {name: next(i for i, task in enumerate(tasks) if name in task.reads) for name, _ in network.inputs}
    live = []
    for index, task in enumerate(tasks):
        in_place = task.residual if task.residual and last[task.residual] == index else None
        live.append(
            tuple(
                tensor
                for tensor in first
                if tensor != in_place and first[tensor] <= index <= last.get(tensor, len(tasks))
            )
        )
    return live


def peak_bytes(live: list[tuple[str, ...]], sizes: dict[str, int]) -> tuple[int, int]:
    """Largest sum of `sizes` over the tensors alive at once, and the index of the task it belongs to."""
    totals = [sum(sizes[tensor] for tensor in tensors) for tensors in live]
    peak = max(totals)
    return peak, totals.index(peak)


def spilled_tensors(live: list[tuple[str, ...]], sizes: dict[str, int], capacity_bytes: int) -> set[str]:
    """Tensors to keep in memory instead so that the others fit: at each task that overflows, the largest first."""
    spilled: set[str] = set()
    for tensors in live:
        inside = sorted((tensor for tensor in tensors if tensor not in spilled), key=lambda tensor: -sizes[tensor])
        total = sum(sizes[tensor] for tensor in inside)
        for tensor in inside:
            if total <= capacity_bytes:
                break
            spilled.add(tensor)
            total -= sizes[tensor]
    return spilled
