"""What a component declares for the type checker, beside what its signature makes."""

from amaranth.lib import wiring

from tcugen.arch import Architecture
from tcugen.rtl.emit import emit


def test_declared_ports_are_those_of_the_signature(monkeypatch, tmp_path):
    made: dict[type, set[str]] = {}
    construct = wiring.Component.__init__

    def remembering(self, *arguments, **options):
        construct(self, *arguments, **options)
        made.setdefault(type(self), set()).update(self.signature.members)

    monkeypatch.setattr(wiring.Component, "__init__", remembering)
    for optional in (0, 1):
        options = dict.fromkeys(("tables", "parity", "depthwise", "unrounded_add"), optional)
        emit(Architecture(rows=4, columns=4, activation_kib=16, **options), tmp_path)
    ours = {kind: members for kind, members in made.items() if kind.__module__.startswith("tcugen.")}
    assert len(ours) > 30
    # The top has the flat ports of the buses besides, which are only reached by name.
    differing = {
        kind.__name__: members ^ set(kind.__annotations__)
        for kind, members in ours.items()
        if kind.__name__ != "Top" and members != set(kind.__annotations__)
    }
    assert differing == {}
