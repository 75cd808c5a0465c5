"""People who stand behind somebody for many seconds keep their id."""

import numpy as np
import pyarrow as pa
import pytest

from ops.arrays import boxes_of
from ops.tracking.hidden_links import PROBABILITY, link_hidden
from ops.tracking.tracklet_links import TrackletLinks
from schemas.tables import TABLES, TIME

NO_LINKS = TrackletLinks({}, {})
IN_FRONT = (100.0, 50.0, 160.0, 200.0)
BEHIND = (130.0, 60.0, 165.0, 180.0)


def tracklet(
    name: str, box, begin_s: float, end_s: float, segment: str = "s0", seen: bool = True, speed: float = 0.0
) -> pa.Table:
    """Rows of a tracklet, ten a second, that has this box at its first point and moves sideways, px/s."""
    tenths = np.arange(round(begin_s * 10), round(end_s * 10) + 1)
    count = len(tenths)
    aside = speed * (tenths - tenths[0]) / 10
    return TABLES["tracklet_points"].conform(
        {
            "camera": ["cam1"] * count,
            "segment_id": [segment] * count,
            "tracklet_id": [name] * count,
            "time": pa.array(tenths * 100_000, pa.int64()).cast(TIME),
            "pts": tenths,
            **{edge: box[number] + aside * (number % 2 == 0) for number, edge in enumerate(("x1", "y1", "x2", "y2"))},
            "state": ["observed" if seen else "interpolated"] * count,
            "frame_segment_id": [segment] * count,
            "detection": pa.array(tenths, mask=np.full(count, not seen)),
        }
    )


def linked(*tables: pa.Table, most_s: float = 15.0, kinds=None, links=NO_LINKS):
    points = pa.concat_tables(tables)
    names = points["tracklet_id"].unique().to_pylist()
    return link_hidden(points, kinds or dict.fromkeys(names, "person"), links, most_s)


FRONT = tracklet("front", IN_FRONT, 0, 20)
BEFORE, AFTER = tracklet("before", BEHIND, 1, 4), tracklet("after", (133, 62, 168, 180), 10, 18)


def test_who_comes_out_where_somebody_went_behind_another_is_the_same_person():
    links, rows = linked(FRONT, BEFORE, AFTER)
    assert links.following == {"before": "after"} and links.probability == {"before": PROBABILITY}
    assert rows["time"].cast(pa.int64()).to_pylist() == [tenth * 100_000 for tenth in range(41, 100)]
    assert set(rows["tracklet_id"].to_pylist()) == {"before"} and set(rows["state"].to_pylist()) == {"interpolated"}
    boxes = boxes_of(rows)
    assert (np.diff(boxes[:, 0]) >= 0).all() and 130 <= boxes[0, 0] < boxes[-1, 0] <= 133
    sigma = rows["interpolation_sigma_px"].to_numpy()
    assert sigma.argmax() == pytest.approx(29, abs=1) and sigma.min() > 0
    again, same = linked(AFTER, FRONT, BEFORE)
    assert again == links and same.equals(rows), "whatever the order of the rows"


def test_who_walks_in_and_out_of_the_hiding_place_is_hidden_by_it_though_the_last_box_is_not():
    """The last box seen, and the first again, are hardly behind the other person: .3 s later, and earlier, they are."""
    before = tracklet("before", (255.0, 60.0, 290.0, 180.0), 1, 2.2, speed=-83.0)
    after = tracklet("after", (156.0, 61.0, 191.0, 180.0), 10, 14, speed=90.0)
    links, rows = linked(FRONT, before, after)
    assert links.following == {"before": "after"}
    assert boxes_of(rows)[:, 0].min() < 135, "the points in between are behind the other person"
    standing = [tracklet("before", (155.0, 60.0, 190.0, 180.0), 1, 2.2), tracklet("after", (156, 61, 191, 180), 10, 14)]
    assert linked(FRONT, *standing)[0].following == {}, "who stands beside somebody would be seen"


def test_over_a_border_the_points_are_of_the_frames_that_they_are_in():
    parts = [tracklet("front", IN_FRONT, 0, 5), tracklet("front-next", IN_FRONT, 5.1, 20, "s1")]
    after = tracklet("after", BEHIND, 10, 18, "s1")
    _, rows = linked(*parts, BEFORE, after)
    by_segment = dict(zip(rows["pts"].to_pylist(), rows["segment_id"].to_pylist(), strict=True))
    assert (by_segment[50], by_segment[51]) == ("s0", "s1")


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ([tracklet("front", IN_FRONT, 0, 6), BEFORE, AFTER], "nobody hides the place from 6 s on"),
        ([tracklet("front", (300.0, 50.0, 360.0, 200.0), 0, 20), BEFORE, AFTER], "the other stands elsewhere"),
        ([FRONT, BEFORE, tracklet("after", (60, 60, 95, 180), 10, 18)], "comes out on the other side"),
        ([FRONT, BEFORE, tracklet("after", (130, 100, 165, 180), 10, 18)], "a child"),
        ([FRONT, tracklet("before", BEHIND, 1, 4), tracklet("after", BEHIND, 3, 18)], "both are seen at once"),
        ([BEFORE, AFTER], "nobody else"),
        ([FRONT], "alone"),
        ([FRONT.slice(0, 0)], "nobody"),
    ],
)
def test_others_are_not_linked(tables, why):
    links, rows = linked(*tables)
    assert links.following == {} and len(rows) == 0, why


def test_time_kind_and_taken_ends_forbid_a_link():
    assert linked(FRONT, BEFORE, AFTER, most_s=5.0)[0].following == {}
    assert linked(FRONT, BEFORE, AFTER, most_s=0.0)[0].following == {}
    kinds = {"front": "person", "before": "person", "after": "car"}
    assert linked(FRONT, BEFORE, AFTER, kinds=kinds)[0].following == {}
    taken = TrackletLinks({"before": "front"}, {"before": 0.9})
    assert linked(FRONT, BEFORE, AFTER, links=taken)[0] == taken


def test_of_two_who_come_out_the_one_in_the_place_is_taken_and_each_once():
    nearer = tracklet("nearer", BEHIND, 12, 18)
    links, _ = linked(FRONT, BEFORE, AFTER, nearer)
    assert links.following == {"before": "nearer"}
