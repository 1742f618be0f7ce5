"""Splits an ONNX file: what the importer takes goes to the unit, what it refuses to the host."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tcugen.model.errors import ModelError
from tcugen.model.problems import Problem, UnsupportedModel
from tcugen.network.names import valid_name
from tcugen.onnx.importer.multiplications import multiplications
from tcugen.onnx.importer.onnx_file import read_graph
from tcugen.onnx.importer.onnx_model import ImportedModel, import_onnx
from tcugen.partition.file_graph import FileGraph, FileNode, file_graph
from tcugen.partition.groups import Group, companions, groups_of, joining_nodes
from tcugen.partition.parts import Part, Partition
from tcugen.partition.submodel import submodel

_UNIT_INPUTS = ("tensor(float)", "tensor(int8)", "tensor(uint8)")


def split(path: Path) -> Partition:
    """Split the quantized ONNX model at `path` into the largest parts that the unit takes, and the rest.

    Whatever the importer refuses goes to the host; what is left between is imported part by part, and the nodes that
    it refuses then go to the host too, until it refuses none. A part without multiplications is not worth the way to
    the unit and back. Parts of the unit have one input, so nodes that would join two of the host's tensors stay there.

    Raises:
        ModelError: If the file cannot be used, or nothing with multiplications can run on the unit.
    """
    whole = read_graph(path)
    graph = file_graph(whole)
    known = {name: form.sides for name, form in graph.forms.items() if form.sides}
    counts = multiplications(whole, known)
    search = _Search(graph, counts)
    try:
        complete: ImportedModel | None = import_onnx(path)
    except UnsupportedModel as error:
        complete = None
        search.refuse(error.problems, None)
    groups = [Group(True, graph.nodes, (graph.image,), graph.outputs)] if complete else search.groups()
    if not any(group.on_unit for group in groups):
        raise ModelError(_nothing_left(search))
    parts: list[Part] = []
    for number, group in enumerate(groups, 1):
        name = f"part{number}"
        nodes, count = tuple(node.name for node in group.nodes), search.multiplications(group)
        imported = proto = None
        if group.on_unit:
            imported = complete or search.imported(group, f"{valid_name(path.stem)}.{name}")
        else:
            proto = submodel(graph, name, group.inputs, group.outputs)
        parts.append(Part(name, nodes, count, group.inputs, group.outputs, imported, proto))
    crossing = {whole.input, *whole.outputs, *(name for part in parts for name in (*part.inputs, *part.outputs))}
    order = [node.name for node in graph.nodes]
    return Partition(
        source=str(path),
        title=valid_name(path.stem),
        image=whole.input,
        outputs=whole.outputs,
        forms={name: form for name, form in graph.forms.items() if name in crossing},
        parts=tuple(parts),
        reasons={name: search.reasons[name] for name in order if name in search.reasons},
        notes=whole.notes,
        proto=whole.onnx_model,
    )


@dataclass(eq=False)
class _Search:
    """Nodes on the host so far.

    Attributes:
        graph: The file.
        counts: Multiplications by name of node, where they are known.
        reasons: By name, of those that the unit refused.
        idle: Those that it would take, but that do no multiplications of their own between nodes of the host.
    """

    graph: FileGraph
    counts: dict[str, int] | None
    reasons: dict[str, str] = field(default_factory=dict[str, str])
    idle: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self._nodes = {node.name: node for node in self.graph.nodes}
        self._imports: dict[Group, ImportedModel] = {}

    @property
    def host(self) -> set[str]:
        known = {*self.reasons, *self.idle}
        return known | companions(self.graph, known)

    def groups(self) -> list[Group]:
        """The groups when there is nothing left to refuse."""
        while True:
            groups, before = groups_of(self.graph, self.host), len(self.host)
            for group in groups:
                if group.on_unit:
                    self._try(group)
            if len(self.host) == before:
                return groups

    def imported(self, group: Group, title: str) -> ImportedModel:
        """What a group of the unit was imported as, under a name."""
        found = self._imports[group]
        network = replace(found.model.network, name=title)
        report = replace(found.report, source=self.graph.source, network=title)
        return ImportedModel(replace(found.model, network=network), report)

    def multiplications(self, group: Group) -> int | None:
        """Of all nodes of a group, for one image; None if they are not known."""
        return None if self.counts is None else sum(self.counts.get(name, 0) for name in group.names)

    def refuse(self, problems: Iterable[Problem], group: Group | None) -> None:
        """Send the nodes that problems name to the host; where one names a constant, those that read it.

        Args:
            problems: What the importer says.
            group: What it was given; None for the whole file. If no node of it is named, it goes as a whole.
        """
        problems, reasons = tuple(problems), dict[str, list[str]]()
        for problem in problems:
            for name in self._blamed(problem.node):
                reasons.setdefault(name, []).append(str(problem))
        names = set(self._nodes) if group is None else group.names
        found = {name: "; ".join(texts) for name, texts in reasons.items() if name in names}
        if not found:
            found = dict.fromkeys(names, "; ".join(map(str, problems)))
        self.reasons = found | self.reasons

    def _try(self, group: Group) -> None:
        """Import a group, or send to the host what is in the way."""
        if group in self._imports:
            return
        if self.multiplications(group) == 0:
            self.idle |= group.names
            return
        entry, *others = group.inputs
        if others:
            text = f"inputs = of {len(group.inputs)} tensors from other parts; a part of the unit has one"
            for node in joining_nodes(self.graph, group):
                self._stays(node, text)
            return
        form = self.graph.forms[entry]
        if form.type not in _UNIT_INPUTS or form.sides is None or len(form.sides) not in (2, 4) or form.sides[0] != 1:
            sides = "an unknown shape" if form.sides is None else f"shape {list(form.sides)}"
            text = (
                f"input {entry!r} = {form.type} of {sides}; the unit takes float, int8 or uint8 of 2 or 4 known sides"
            )
            for node in group.nodes:
                if entry in map(self.graph.border, self.graph.moving_reads(node)):
                    self._stays(node, text)
            return
        unknown = [name for name in group.outputs if self.graph.forms[name].sides is None]
        if unknown:
            for name in unknown:
                self._stays(self.graph.makers[name], f"output {name!r} = of unknown shape; export it with fixed shapes")
            return
        try:
            imported = self._import(group)
        except UnsupportedModel as error:
            self.refuse(error.problems, group)
            return
        except ModelError as error:
            self.reasons = dict.fromkeys(group.names, str(error)) | self.reasons
            return
        if imported.model.network.mac_count:
            self._imports[group] = imported
        else:
            self.idle |= group.names

    def _stays(self, node: FileNode, text: str) -> None:
        self.reasons.setdefault(node.name, f"{node.name} ({node.op}): {text}")

    def _import(self, group: Group) -> ImportedModel:
        with tempfile.TemporaryDirectory(prefix="tcugen-part-") as folder:
            path = Path(folder) / "part.onnx"
            path.write_bytes(submodel(self.graph, "part", group.inputs, group.outputs).SerializeToString())
            try:
                return import_onnx(path)
            except UnsupportedModel:
                raise
            except ModelError as error:
                raise ModelError(str(error).replace(str(path), f"the part that makes {group.outputs[-1]!r}")) from None

    def _blamed(self, name: str) -> set[str]:
        """The nodes that cannot run if a node cannot: itself, or all that read a constant that it makes."""
        if name in self._nodes:
            return {name}
        made = {tensor for tensor, node in self.graph.makers.items() if node.name == name}
        found: set[str] = set()
        pending = list(made)
        while pending:
            tensor = pending.pop()
            for node in {node.name: node for node in self.graph.makers.values() if tensor in node.reads}.values():
                if node.name in self._nodes:
                    found.add(node.name)
                else:
                    pending += node.makes
        return found


def _nothing_left(search: _Search) -> str:
    order = [node.name for node in search.graph.nodes if node.name in search.reasons]
    lines = [f"{search.graph.source}: nothing that multiplies can run on the unit, so there is nothing to split:"]
    lines += [f"  {search.reasons[name]}" for name in order]
    return "\n".join(lines)
