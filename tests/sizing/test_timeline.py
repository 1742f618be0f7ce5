"""The weight stream against the array, in cases small enough to follow by hand."""

from tcugen.sizing.timeline import Strip, Timeline


def strip(cycles: int, size: int, blocks: int = 1, passes: int = 10) -> Strip:
    return Strip(cycles, size, cycles // blocks, cycles // blocks, passes)


def test_the_array_sets_the_pace_when_weights_are_cheap():
    timeline = Timeline(bus_bytes=8, ring_bytes=10_000, ring_strips=32)
    waits = [timeline.run(strip(1000, 800)) for _ in range(5)]
    assert waits == [0] * 5 and timeline.now == 5000


def test_the_stream_sets_the_pace_when_the_array_is_fast():
    timeline = Timeline(bus_bytes=8, ring_bytes=10_000, ring_strips=32)
    for _ in range(20):
        timeline.run(strip(50, 800))
    assert timeline.now == 20 * 100 + 5


def test_weights_are_fetched_ahead_while_the_array_is_busy():
    timeline = Timeline(bus_bytes=8, ring_bytes=10_000, ring_strips=32)
    timeline.run(strip(1000, 800))
    assert timeline.run(strip(10, 7200)) == 0


def test_a_small_ring_bounds_the_lead():
    wide, narrow = Timeline(8, 16_000, 32), Timeline(8, 1600, 32)
    for timeline in (wide, narrow):
        timeline.run(strip(1000, 800))
        timeline.run(strip(10, 7200))
    assert wide.now == 1010
    # All but the ring's 1600 bytes have to come after the first strip, then one pass more.
    assert narrow.now == 1000 + (7200 - 1600) // 8 + 1


def test_a_strip_that_stays_for_several_blocks_frees_its_place_late():
    early, late = Timeline(2, 1000, 32), Timeline(2, 1000, 32)
    early.run(Strip(1000, 800, 1000, 1000, 10))
    late.run(Strip(1000, 800, 250, 250, 10))
    assert early.run(strip(50, 800)) == 0
    # 600 bytes have to wait for the last block, which begins at 750.
    assert late.run(strip(50, 800)) == 750 + 600 // 2 + 5 - 1050


def test_the_parameter_ring_bounds_the_lead_too():
    many, few = Timeline(8, 100_000, 32), Timeline(8, 100_000, 2)
    for timeline in (many, few):
        for _ in range(3):
            timeline.run(strip(1000, 80))
        for _ in range(10):
            timeline.run(strip(10, 800))
    assert few.now > many.now


def test_the_stream_goes_on_while_the_array_rests():
    rested, fresh = Timeline(8, 10_000, 32), Timeline(8, 10_000, 32)
    rested.wait(500)
    assert rested.run(strip(100, 4000)) == 0
    assert fresh.run(strip(100, 4000)) == 500 + 10 - 100
