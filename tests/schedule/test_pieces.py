"""Pieces that start as early as they can."""

from tcugen.schedule.pieces import ranges_by_need


def test_ranges_by_need():
    counts = [0, 0, 0, 100, 0]

    def need(drain):
        return (0, 0, 0, drain, 0)

    assert ranges_by_need([need(5), need(98), need(99), need(99), need(100)], counts) == [(0, 2), (2, 4), (4, 5)]
    assert ranges_by_need([need(100), need(5)], counts) == [(0, 2)]
