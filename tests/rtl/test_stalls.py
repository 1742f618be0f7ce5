from random import Random

from tcugen.isa import Unit
from tcugen.registers import Stall
from tcugen.rtl.stalls import StallReason
from tests.rtl.streams import run

FLAGS = (
    *("compute_active", "next_layer_valid", "waiting_for_weights", "waiting_for_bank", "queue_empty", "queue_waiting"),
    *("drain_busy", "pool_busy", "store_busy"),
)
LAYERS = ("compute_layer", "next_layer", "queue_layer")
BY_UNIT = {Unit.LOAD: Stall.LOAD, Unit.STORE: Stall.STORE, Unit.DRAIN: Stall.DRAIN, Unit.POOL: Stall.POOL}


def with_a_pass(inputs: dict[str, int]) -> Stall:
    if inputs["waiting_for_bank"]:
        return Stall.ACCUMULATORS
    return Stall.WEIGHTS if inputs["waiting_for_weights"] else Stall.CONTROL


def without_a_pass(inputs: dict[str, int]) -> Stall:
    if inputs["queue_waiting"]:
        return BY_UNIT.get(Unit(inputs["wait_unit"]), Stall.CONTROL)
    if not inputs["queue_empty"]:
        return Stall.CONTROL
    at_work = {Stall.DRAIN: "drain_busy", Stall.POOL: "pool_busy", Stall.STORE: "store_busy"}
    return next((reason for reason, name in at_work.items() if inputs[name]), Stall.PROGRAM)


def verdict(inputs: dict[str, int]) -> tuple[int, int, Stall | None]:
    """Busy, layer, and the reason of a cycle that is not."""
    if inputs["compute_active"]:
        return 1, inputs["compute_layer"], None
    if inputs["next_layer_valid"]:
        return 0, inputs["next_layer"], with_a_pass(inputs)
    return 0, inputs["queue_layer"], without_a_pass(inputs)


def test_every_cycle_has_a_layer_and_one_reason():
    dut, random, seen = StallReason(), Random(1), set()

    async def bench(ctx):
        for _ in range(3000):
            inputs = {name: int(random.random() < 0.4) for name in FLAGS}
            inputs |= {name: random.getrandbits(12) for name in LAYERS} | {"wait_unit": random.choice(list(Unit))}
            for name, value in inputs.items():
                ctx.set(getattr(dut, name), value)
            await ctx.tick()
            busy, layer, reason = verdict(inputs)
            assert (ctx.get(dut.busy), ctx.get(dut.layer)) == (busy, layer)
            assert busy or ctx.get(dut.reason) == reason
            seen.add(reason)

    run(dut, bench)
    assert seen == {None, *Stall}
