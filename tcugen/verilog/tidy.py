"""From the Verilog that Yosys writes to the Verilog that one would write: same registers, same values, fewer lines.

Yosys puts every operation and every "next" value of a register into a wire of its own. Here they move to where they
are used:

- Wires of one operation: see `inline.py`.
- `always @* begin x_next = x; ... end  always @(posedge clk) x <= x_next;` becomes one clocked block.

It understands nothing but the text that the pinned Yosys writes, and leaves alone what it does not know. `typeset.py`
writes the result.
"""

import itertools
import re
from collections import Counter

from tcugen.verilog.inline import TEMPORARY, move_temporaries, width_of
from tcugen.verilog.text import NAME, SLICE, Block, Module, assigned_names, count_reads, read_names, target_of


def tidy(module: Module) -> None:
    """Rewrite `module` in place as the description of this file says."""
    _compare_with_zero(module)
    _name_outputs(module)
    _clock_blocks(module)
    move_temporaries(module)
    _drop_unread(module)
    _join_constants(module)
    module.blocks.sort(key=lambda block: "posedge" in block[0])  # stable: combinational logic first


def _compare_with_zero(module: Module) -> None:
    """`! x` of several bits is a comparison."""
    for left, right in module.assigns.items():
        width = width_of(module, right[2:]) if right.startswith("! ") else None
        if width and width > 1:
            module.assigns[left] = f"{right[2:]} == {width}'h0"


def _name_outputs(module: Module) -> None:
    """A nameless register or choice that a name stands for takes that name."""
    reads = count_reads(module)
    driven = {target_of(block): block for block in module.blocks}
    for name, value in list(module.assigns.items()):
        wire = module.wires.get(name)
        if not (wire and TEMPORARY.fullmatch(value) and value in driven and reads[value] == 1):
            continue
        block = driven[value]
        block[:] = [re.sub(rf"\b{value}\b", name, line) for line in block]
        wire.kind = "reg"
        del module.wires[value]
        del module.assigns[name]


def _clock_blocks(module: Module) -> None:
    """Merge the block that computes `x_next` and the one that stores it."""
    reads = count_reads(module)
    writers = Counter(name for left in module.assigns for name in assigned_names(left))
    writers.update(target_of(block) for block in module.blocks)
    computing = {target_of(block): block for block in module.blocks if block[0] == "  always @* begin"}
    stored = re.compile(rf"    ({NAME}) <= (\1_next);")
    blocks: list[Block] = []
    for block in module.blocks:
        match = stored.fullmatch(block[-1]) if block[0] == "  always @(posedge clk)" else None
        if not match or reads[match[2]] != 1 or writers[match[2]] != 1:
            blocks.append(block)
            continue
        name, following = match.groups()
        if following in module.assigns:
            blocks.append([block[0], f"    {name} <= {module.assigns.pop(following)};"])
        else:
            source = computing[following]
            assignment = re.compile(rf"^(\s+){following}((?:{SLICE})?) = ")
            held = re.compile(rf"    {following}((?:{SLICE})?) = {name}\1;")
            kept = itertools.dropwhile(held.fullmatch, source[1:])
            source[:] = ["  always @(posedge clk) begin", *(assignment.sub(rf"\1{name}\2 <= ", line) for line in kept)]
            _reset_first(source)
        del module.wires[following]
    module.blocks = blocks


def _drop_unread(module: Module) -> None:
    """Remove what drives nothing but itself, and leave outputs of instances open that nothing reads."""
    while True:
        drivers: dict[str, list[Block]] = {}
        for block in module.blocks:
            drivers.setdefault(target_of(block), []).append(block)
        reads = count_reads(module)
        for name, blocks in drivers.items():
            own = Counter(word for block in blocks for line in block for word in read_names(line))
            reads[name] -= own[name]
        unread = {name for name, wire in module.wires.items() if not wire.direction and not reads[name]}
        assigns = {left: right for left, right in module.assigns.items() if not unread.issuperset(assigned_names(left))}
        unread.difference_update(name for left in assigns for name in assigned_names(left))
        opened = _open_outputs(module, reads)
        if not unread and not opened:
            return
        module.assigns = assigns
        module.blocks = [block for block in module.blocks if target_of(block) not in unread]
        for name in unread | opened:
            del module.wires[name]


def _open_outputs(module: Module, reads: Counter[str]) -> set[str]:
    """Names that only one connection of an instance mentions and nothing drives: the connection becomes empty."""
    driven = {name for left in module.assigns for name in assigned_names(left)}
    driven |= {target_of(block) for block in module.blocks}
    opened: set[str] = set()
    for instance in module.instances:
        for index, line in enumerate(instance):
            match = re.fullmatch(rf"    \.({NAME})\(({NAME})\)(,?)", line)
            if match and reads[match[2]] == 1 and match[2] not in driven and not module.wires[match[2]].direction:
                instance[index] = f"    .{match[1]}(){match[3]}"
                opened.add(match[2])
    return opened


def _join_constants(module: Module) -> None:
    """A block `always @*` that reads nothing would never run: it joins another block of its target, or is an assign."""
    for block in [block for block in module.blocks if block[0] == "  always @* begin"]:
        if any(read_names(line) for line in block[1:-1]):
            continue
        module.blocks.remove(block)
        other = next((one for one in module.blocks if target_of(one) == target_of(block)), None)
        if other:
            other[1:1] = block[1:-1]
        else:
            module.wires[target_of(block)].kind = "wire"
            matches = [re.fullmatch(r"\s+(\S+) = (.*);", line) for line in block[1:-1]]
            module.assigns |= {match[1]: match[2] for match in matches if match}


def _reset_first(block: list[str]) -> None:
    """A reset that overrides what stands above it becomes the first branch."""
    if len(block) < 5 or block[-4] != "    if (rst) begin":
        return
    reset, body = block[-3], block[1:-4]
    if not body:
        return
    block[1:] = ["    if (rst) begin", reset, "    end else begin", *(f"  {line}" for line in body), "    end", "  end"]
