"""Who wrote and who read what last."""

from tcugen.isa import Unit
from tcugen.schedule.tracker import Region, Tracker


def test_tracker():
    tracker = Tracker(1024, 16)
    tracker.note_write(Unit.LOAD, 3, Region(0, 2, 256, 64))
    tracker.note_write(Unit.DRAIN, 7, Region(48, 1, 0, 16))
    tracker.note_read(Unit.COMPUTE, 9, Region(256, 1, 0, 16))
    assert tracker.before_read(Region(32, 1, 0, 20)) == (3, 0, 0, 7, 0)
    assert tracker.before_read(Region(64, 1, 0, 16)) == (0, 0, 0, 0, 0)
    assert tracker.before_write(Unit.DRAIN, Region(40, 2, 216, 16)) == (3, 0, 9, 0, 0)
    assert tracker.before_write(Unit.LOAD, Region(320, 1, 0, 16)) == (0, 0, 0, 0, 0)
    assert tracker.before_read(Region(8, 3, 24, 8)) == (3, 0, 0, 7, 0)
