"""Why the array did not take an operand."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from tcugen.isa import Unit
from tcugen.registers import Stall
from tcugen.rtl.dispatch import LAYER_BITS


class StallReason(Component):
    """Attributes each cycle to a layer and, if the array is idle, to a reason.

    Members:
        compute_active, compute_layer: The array takes an operand of that layer.
        next_layer_valid, next_layer, waiting_for_weights, waiting_for_bank: The pass that comes next.
        queue_empty, queue_waiting, wait_unit, queue_layer: The instruction that comes next.
        drain_busy, pool_busy, store_busy: Who is still at work when there is none.
        busy, layer, reason: The verdict, one cycle later.
    """

    compute_active: Signal
    compute_layer: Signal
    next_layer_valid: Signal
    next_layer: Signal
    waiting_for_weights: Signal
    waiting_for_bank: Signal
    queue_empty: Signal
    queue_waiting: Signal
    wait_unit: Signal
    queue_layer: Signal
    drain_busy: Signal
    pool_busy: Signal
    store_busy: Signal
    busy: Signal
    layer: Signal
    reason: Signal

    def __init__(self):
        super().__init__(
            {
                "compute_active": In(1),
                "compute_layer": In(LAYER_BITS),
                "next_layer_valid": In(1),
                "next_layer": In(LAYER_BITS),
                "waiting_for_weights": In(1),
                "waiting_for_bank": In(1),
                "queue_empty": In(1),
                "queue_waiting": In(1),
                "wait_unit": In(range(len(Unit))),
                "queue_layer": In(LAYER_BITS),
                "drain_busy": In(1),
                "pool_busy": In(1),
                "store_busy": In(1),
                "busy": Out(1),
                "layer": Out(LAYER_BITS),
                "reason": Out(Stall),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer = Signal(LAYER_BITS)
        reason = Signal(Stall, init=Stall.CONTROL)
        with m.If(self.compute_active):
            m.d.comb += layer.eq(self.compute_layer)
        with m.Elif(self.next_layer_valid):
            m.d.comb += layer.eq(self.next_layer)
            with m.If(self.waiting_for_bank):
                m.d.comb += reason.eq(Stall.ACCUMULATORS)
            with m.Elif(self.waiting_for_weights):
                m.d.comb += reason.eq(Stall.WEIGHTS)
        with m.Else():
            m.d.comb += layer.eq(self.queue_layer)
            with m.If(self.queue_waiting):
                # A wait for other compute work is no wait of the array's: it stays CONTROL.
                with m.Switch(self.wait_unit):
                    for unit in (Unit.LOAD, Unit.STORE, Unit.DRAIN, Unit.POOL):
                        with m.Case(unit):
                            m.d.comb += reason.eq(Stall[unit.name])
            with m.Elif(self.queue_empty):
                with m.If(self.drain_busy):
                    m.d.comb += reason.eq(Stall.DRAIN)
                with m.Elif(self.pool_busy):
                    m.d.comb += reason.eq(Stall.POOL)
                with m.Elif(self.store_busy):
                    m.d.comb += reason.eq(Stall.STORE)
                with m.Else():
                    m.d.comb += reason.eq(Stall.PROGRAM)
        m.d.sync += [self.busy.eq(self.compute_active), self.layer.eq(layer), self.reason.eq(reason)]
        return m
