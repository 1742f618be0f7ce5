"""Walks the contiguous segments of a transfer in naturally aligned groups."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

SEGMENT_BYTES_BITS = 24
SEGMENTS_BITS = 12


def transfer_layout(address_bits: int, tag_bits: int) -> data.StructLayout:
    """A transfer: `segments` segments of `segment_bytes` bytes, `step` bytes apart, the first at byte `address`.

    There is a member `tag` only if it has bits: Verilog knows no vector of width 0.
    """
    return data.StructLayout(
        {
            **({"tag": tag_bits} if tag_bits else {}),
            "address": address_bits,
            "segment_bytes": SEGMENT_BYTES_BITS,
            "segments": SEGMENTS_BITS,
            "step": address_bits,
        }
    )


def group_layout(address_bits: int, group_units: int, tag_bits: int) -> data.StructLayout:
    """A group: `units` units from byte `address`; `last` if it ends its transfer, whose `tag` it has."""
    return data.StructLayout(
        {
            **({"tag": tag_bits} if tag_bits else {}),
            "address": address_bits,
            "units": range(group_units + 1),
            "last": 1,
        }
    )


class SegmentWalker(wiring.Component):
    """Splits transfers into groups of 1 .. `group_units` units of `unit_bytes` bytes.

    A group never crosses a segment's end nor a multiple of `group_units * unit_bytes`, and is as long as these two
    rules allow. Groups leave in order of address within a segment, segments in order; `last` marks the last of a
    transfer. Addresses wrap at `2 ** address_bits`.

    One group per cycle, also across segments; the first leaves 2 cycles after its transfer entered. A cycle without a
    group lies between two transfers and `i.ready` depends on registers only, unless `back_to_back`. With `ahead` a
    group that is a segment alone takes two cycles, and the first of a transfer leaves 5 cycles after it entered.

    A transfer of 0 segments is walked as one of 1. A segment shorter than one unit gives one group of 0 units: the
    user of the groups must refuse it. Address bits below the unit are passed on for the first group of each segment.

    Parameters:
        address_bits: Width of byte addresses.
        unit_bytes, group_units: Powers of two; ValueError otherwise.
        tag_bits: Width of `tag`, which every group inherits from its transfer; if 0 there is none.
        back_to_back: No cycle is lost between transfers; `i.ready` then depends on `o.ready`. Not with `ahead`.
        ahead: What a segment begins with is found out before it begins: a shorter path where there are many units.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        address_bits: int,
        unit_bytes: int,
        group_units: int,
        tag_bits: int = 0,
        back_to_back: bool = False,
        ahead: bool = False,
    ):
        assert not (back_to_back and ahead)
        self._back_to_back, self._ahead = back_to_back, ahead
        self._unit_bits = exact_log2(unit_bytes)
        self._group_bits = exact_log2(group_units)
        self._address_bits, self._tag_bits = address_bits, tag_bits
        super().__init__(
            {
                "i": In(stream.Signature(transfer_layout(address_bits, tag_bits))),
                "o": Out(stream.Signature(group_layout(address_bits, group_units, tag_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Of the transfer, what its further segments need: `address` is where the next one starts.
        transfer = Signal.like(self.i.payload, reset_less=True)
        busy = Signal()
        address = Signal(self._address_bits, reset_less=True)
        unit_bits, group_bits = self._unit_bits, self._group_bits
        boundary = unit_bits + group_bits
        group = 1 << group_bits
        left = Signal(SEGMENT_BYTES_BITS - unit_bits, reset_less=True)  # units of the segment not yet sent
        space = Signal(range(group + 1), reset_less=True)  # units up to the group's natural end
        # Known a step ahead: the group ends its segment, the segment its transfer.
        segment_last = Signal(reset_less=True)
        last_segment = Signal(reset_less=True)
        last = Signal()
        advance = Signal()
        begin = Signal()  # a transfer stands at its first segment
        m.d.comb += last.eq(segment_last & last_segment)

        def first_of(at: Value) -> Value | int:
            """Units up to the natural end of the group at an address."""
            return group - at[unit_bits:boundary] if group_bits else 1

        def stand(at: Value, units: Value, first: Value | int, is_last: Value) -> list:
            """At the first group of a segment."""
            return [address.eq(at), left.eq(units), space.eq(first), segment_last.eq(is_last)]

        new = self.i.payload
        units = transfer.segment_bytes[unit_bits:]
        first, single = first_of(transfer.address), units <= first_of(transfer.address)
        free = ~self.o.valid | self.o.ready
        entered = self.i.valid & self.i.ready
        if self._ahead:
            first_found = Signal.like(space)
            single_found = Signal()
            m.d.sync += [first_found.eq(first), single_found.eq(single)]
            first, single = first_found, single_found
            fresh = Signal()  # a transfer has entered and not begun
            found = Signal()  # what its first segment begins with
            settled = Signal()  # a group may leave: what the segment after it begins with is found
            m.d.comb += [
                self.i.ready.eq(~busy & ~fresh),
                begin.eq(fresh & found),
                advance.eq(busy & settled & free),
            ]
            m.d.sync += [found.eq(~entered), settled.eq(~begin)]
            with m.If(advance & segment_last):
                m.d.sync += settled.eq(~single)
        else:
            m.d.comb += [
                self.i.ready.eq(~busy | (advance & last) if self._back_to_back else ~busy),
                begin.eq(entered),
                advance.eq(busy & free),
            ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(advance):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.address.eq(address),
                self.o.payload.units.eq(Mux(segment_last, left, space)),
                self.o.payload.last.eq(last),
            ]
            if self._tag_bits:
                m.d.sync += self.o.payload.tag.eq(transfer.tag)
            with m.If(segment_last):
                m.d.sync += [
                    *stand(transfer.address, units, first, single),
                    transfer.address.eq(transfer.address + transfer.step),
                    transfer.segments.eq(transfer.segments - 1),
                    last_segment.eq(transfer.segments <= 2),
                ]
            with m.Else():
                m.d.sync += [
                    address.eq(Cat(Const(0, boundary), address[boundary:] + 1)),
                    left.eq(left - space),
                    space.eq(group),
                    segment_last.eq(left <= space + group),
                ]
        with m.If(advance & last):
            m.d.sync += busy.eq(0)
        if self._ahead:
            with m.If(entered):
                m.d.sync += [fresh.eq(1), transfer.eq(new)]
            with m.If(begin):
                m.d.sync += [
                    fresh.eq(0),
                    busy.eq(1),
                    transfer.address.eq(transfer.address + transfer.step),
                    *stand(transfer.address, units, first, single),
                    last_segment.eq(transfer.segments <= 1),
                ]
        else:
            with m.If(begin):
                entering = new.segment_bytes[unit_bits:]
                m.d.sync += [
                    busy.eq(1),
                    transfer.eq(new),
                    transfer.address.eq(new.address + new.step),
                    *stand(new.address, entering, first_of(new.address), entering <= first_of(new.address)),
                    last_segment.eq(new.segments <= 1),
                ]
        return m
