"""Who is in a frame between two looks."""

import numpy as np

from ops.detect.between import Between, Judged, Seen, paired
from ops.detect.changes import reduced
from ops.detect.decode import Boxes
from schemas.values import Uint8
from tests.ops.networks import spotted

FRAME_PX = (640, 480)
Box = tuple[int, int, int, int]
A_STEP_US, LONG_US = 400_000, 1_600_000


def found(*boxes: Box, confidence: float = 0.9) -> Boxes:
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    return Boxes(rows, np.full(len(rows), confidence, np.float32), np.zeros(len(rows), np.int64))


def picture(*boxes: Box) -> Uint8:
    return reduced(spotted(list(boxes), FRAME_PX))


def seen(number: int, time_us: int, *boxes: Box) -> Seen:
    return Seen(number, time_us, picture(*boxes), found(*boxes))


def judged(before: Seen, after: Seen, *boxes: Box) -> Judged:
    """Of the frame halfway, which shows these boxes."""
    between = Between(before, after, FRAME_PX)
    number, time_us = (before.number + after.number) // 2, (before.time_us + after.time_us) // 2
    return between.judge(number, time_us, picture(*boxes))


def walker(x: int, y: int = 200) -> Box:
    return (x, y, x + 40, y + 100)


def test_somebody_who_walks_alone_is_halfway_at_half_time() -> None:
    one = judged(seen(0, 0, walker(100)), seen(4, A_STEP_US, walker(130)), walker(115))
    assert not one.unclear.any()
    assert np.allclose(one.boxes.xyxy, [walker(115)])


def test_somebody_of_whom_neither_look_is_sure_is_not_taken_to_be_in_between() -> None:
    before, after = (
        Seen(number, number * 100_000, picture(walker(x)), found(walker(x), confidence=0.15))
        for number, x in ((0, 100), (4, 130))
    )
    assert not len(judged(before, after, walker(115)).boxes)


def test_what_looks_far_apart_say_holds_only_for_those_who_stay() -> None:
    stays = walker(400)
    one = judged(seen(0, 0, walker(100), stays), seen(16, LONG_US, walker(130), stays), walker(115), stays)
    assert one.unclear[50:75, 25:40].any()
    assert not one.unclear[:, 80:].any()
    assert np.allclose(one.boxes.xyxy, [stays])
    assert {tuple(box) for box in one.concerned.tolist()} == {walker(100), walker(130)}


def test_somebody_who_is_not_where_they_are_expected_is_unclear() -> None:
    one = judged(seen(0, 0, walker(100)), seen(4, A_STEP_US, walker(130)), walker(250))
    assert one.unclear.any()


def test_somebody_who_walked_but_does_not_show_is_unclear() -> None:
    lit = Seen(0, 0, picture(), found(walker(100)))
    after = Seen(4, A_STEP_US, picture(), found(walker(130)))
    assert judged(lit, after).unclear.any()


def test_somebody_who_is_in_neither_look_is_unclear() -> None:
    one = judged(seen(0, 0, walker(100)), seen(4, A_STEP_US, walker(130)), walker(115), walker(400))
    assert one.unclear[50:75, 100:110].any()
    assert not one.unclear[:, :60].any()


def test_somebody_who_comes_is_unclear_while_they_show_and_not_there_before() -> None:
    before, after = seen(0, 0), seen(4, A_STEP_US, walker(130))
    assert judged(before, after, walker(100)).unclear.any()
    gone = judged(before, after)
    assert not gone.unclear.any() and not len(gone.boxes)
    come = judged(before, after, walker(130))
    assert not come.unclear.any() and len(come.boxes) == 1


def test_what_moves_and_is_nobody_in_both_looks_is_clear_within_a_step_only() -> None:
    leaves = [(300 + 6 * number, 100, 340 + 6 * number, 160) for number in range(3)]
    for span_us, frames, is_clear in ((A_STEP_US, 4, True), (LONG_US, 16, False)):
        before = Seen(0, 0, picture(leaves[0]), found())
        after = Seen(frames, span_us, picture(leaves[2]), found())
        assert judged(before, after, leaves[1]).unclear.any() != is_clear


def test_a_clock_that_stands_still_is_no_step_and_counts_frames() -> None:
    stays = walker(100)
    one = judged(seen(0, 5, stays), seen(4, 5, walker(104)), walker(102))
    assert np.allclose(one.boxes.xyxy, [walker(102)])
    assert judged(seen(0, 5, stays), seen(4, 5, walker(130)), walker(115)).unclear.any()


def pairs(ours: Boxes, theirs: Boxes, most: float = 0.6) -> list[tuple[int, int]]:
    rows, columns = paired(ours, theirs, most)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_people_are_paired_with_the_nearest_if_nobody_else_can_be_meant() -> None:
    assert pairs(found(walker(100), walker(300)), found(walker(310), walker(110))) == [(0, 1), (1, 0)]
    assert pairs(found(walker(100)), found(walker(130), walker(160))) == [], "either may have come from there"
    assert pairs(found(walker(100), walker(160)), found(walker(130))) == []
    assert pairs(found(walker(100)), found(walker(200))) == [], "too far"
    assert pairs(found(walker(100)), found((100, 200, 180, 400))) == [], "another size"
    assert pairs(found(walker(100)), found()) == pairs(found(), found(walker(100))) == []


def test_another_class_is_somebody_else_and_the_unsure_are_no_rivals() -> None:
    car = found(walker(130))
    assert pairs(found(walker(100)), Boxes(car.xyxy, car.confidence, car.classes + 1)) == []
    sure, unsure = found(walker(110)), found(walker(125), confidence=0.1)
    both = Boxes(*(np.concatenate(each) for each in zip(vars(sure).values(), vars(unsure).values(), strict=True)))
    assert pairs(found(walker(100)), both) == [(0, 0)]
