"""When things at one place came and went."""

import numpy as np

from ops.static_objects.evidence import Change
from ops.static_objects.places import Place
from ops.static_objects.stays import PlaceStays
from ops.static_objects.views import SameView, SegmentSpan, SmallPicture

SECOND = 1_000_000
BAG = (slice(90, 118), slice(166, 180))


def test_a_picture_of_the_moment_of_coming_is_no_stay_of_its_own() -> None:
    """A bag is put down in the middle of a segment, whose picture shows half of it."""
    random = np.random.default_rng(0)
    ground = np.full((180, 320, 3), 60, np.uint8) + random.integers(0, 6, (180, 320, 1), np.uint8)
    there, half = ground.copy(), ground.copy()
    there[BAG] = 160 + random.integers(0, 40, (28, 14, 1), np.uint8)
    half[BAG[0], 173:180] = there[BAG[0], 173:180]
    known = np.ones(ground.shape[:2], bool)
    pictures = dict(enumerate(SmallPicture(each, known) for each in (ground, ground, half, there, there)))
    segments = [SegmentSpan(f"s{each}", each * 30 * SECOND, (each + 1) * 30 * SECOND, (640, 360)) for each in range(5)]
    mask = np.zeros(known.shape, bool)
    mask[BAG] = True
    box = np.array([166.0, 90.0, 180.0, 118.0])
    came = Change(2, 2, 76 * SECOND, 90 * SECOND, box, mask, 104.0, 0.88)
    borders = [Change(each, each + 1, None, None, box, mask, 70.0, 0.8) for each in (1, 2)]
    place = Place(box, [came, *borders])
    (stay,) = PlaceStays(SameView(0, 4, pictures), segments, place, set()).find()
    assert (stay.start.time_us, stay.start.by) == (76 * SECOND, "region")
    assert (stay.end.time_us, stay.end.by) == (150 * SECOND, "unseen")
