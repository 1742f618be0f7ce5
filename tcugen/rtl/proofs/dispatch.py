"""The counts that hold instructions back until what they wait for is complete."""

from amaranth.hdl import Elaboratable, Module, Signal

from tcugen.isa import COUNT_BITS, Unit
from tcugen.rtl.dispatch import Dispatch
from tcugen.rtl.proofs.proof import Method, Mutant, Proof, always, anything, inside, running


class Completions(Elaboratable):
    """What units have completed is counted, and stands at its maximum rather than begin anew."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.dispatch = dispatch = Dispatch()
        live = running(m)
        for unit in Unit:
            name = unit.name.lower()
            done = getattr(dispatch, f"done_{name}")
            count = inside(dispatch, f"completed_{name}")
            before, pulse = Signal(COUNT_BITS, name=f"{name}_before"), Signal(name=f"{name}_pulse")
            m.d.comb += done.eq(anything(1))
            m.d.sync += [before.eq(count), pulse.eq(done)]
            most = (1 << COUNT_BITS) - 1
            always(m, ~live | (count == before + pulse) | (pulse & (before == most) & (count == most)))
        return m


PROOFS = (
    Proof(
        "dispatch",
        "completions",
        "What a unit has completed only grows, by one for each pulse, and stays at its maximum.",
        Method.INDUCTION,
        2,
        Completions,
        (Mutant("dispatch.py", " & ~count.all()):", "):"),),
    ),
)
