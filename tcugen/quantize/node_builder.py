"""Nodes in the making: what several operators of an exported module become together."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import fx

from tcugen.model.functions import Reals
from tcugen.network.activation import activation_of_limits
from tcugen.network.operators import Activated, Node
from tcugen.quantize.float_network import Parameters


@dataclass(eq=False)
class NodeBuilder:
    """One node of the network.

    Attributes:
        operator: The node, all but its name, its inputs' and its activation; None stands in for a refused operator.
        inputs: Builders that it reads; None is the network's input.
        sources: Operators that it stands for, the one that gives it its name first.
        parameters: Of conv and linear.
        low, high: Limits of its result.
        reads_alone: Nothing else reads its first input.
        function: Of a custom table, elementwise in float64.
    """

    operator: Node | None
    inputs: tuple["NodeBuilder | None", ...]
    sources: list[fx.Node]
    parameters: Parameters | None = None
    low: float = -math.inf
    high: float = math.inf
    reads_alone: bool = False
    function: Callable[[Reals], Reals] | None = None

    @property
    def is_limited(self) -> bool:
        return self.low > -math.inf or self.high < math.inf

    def node(self, name: str, inputs: Sequence[str]) -> Node:
        """The node under its own name, reading `inputs`."""
        if self.operator is None:
            raise ValueError(f"{name}: a refused operator makes no node")
        node = replace(self.operator, name=name, inputs=tuple(inputs))
        activation = activation_of_limits(self.low, self.high)
        return replace(node, activation=activation) if activation and isinstance(node, Activated) else node

    def limit(self, low: float, high: float, source: fx.Node) -> None:
        """Clip the result to [low, high] as well; where limits cross, the new upper one counts, as in torch.clamp."""
        self.low = min(max(self.low, low), high)
        self.high = min(max(self.high, low), high)
        self.sources.append(source)


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the module while it is walked.

    Attributes:
        builder: The node that makes it; None is the network's input.
        flat: The module has it with two dimensions, (1, C * H * W).
        shape: As the network has it: channels, height, width.
        sole: Nothing else reads what lies between the node and this tensor.
        padding: That is still to be put around it: (top, left, bottom, right).
        padded_with: What it holds.
        groups: The module has its channels in two dimensions, of so many groups; 0 if not.
        swapped: Those two dimensions are in the other order.
    """

    builder: NodeBuilder | None
    shape: tuple[int, int, int]
    flat: bool = False
    sole: bool = True
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    padded_with: float = 0.0
    groups: int = 0
    swapped: bool = False

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width with the padding."""
        top, left, bottom, right = self.padding
        return self.shape[1] + top + bottom, self.shape[2] + left + right
