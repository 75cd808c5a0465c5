"""Of a foreground mask, people's contours are kept, and nothing else."""

import numpy as np

from ops.foreground.contours import people_contours, person_sized_contours
from schemas.values import Uint8

BOX = np.array([[100.0, 40.0, 140.0, 140.0]])


def mask_of(*boxes: tuple[int, int, int, int], gap: tuple[int, int, int, int] | None = None) -> Uint8:
    mask = np.zeros((200, 240), np.uint8)
    for x1, y1, x2, y2 in boxes:
        mask[y1:y2, x1:x2] = 255
    if gap is not None:
        mask[gap[1] : gap[3], gap[0] : gap[2]] = 0
    return mask


BODY = (105, 45, 135, 138)


def test_a_person_is_kept_and_holes_are_filled() -> None:
    found = people_contours(mask_of(BODY, gap=(112, 70, 122, 90)), BOX)
    assert (found[47:136, 107:133] == 255).all()
    assert not found[mask_of(BODY) == 0].any()


def test_what_is_apart_from_people_goes_though_it_is_in_their_box() -> None:
    others = [(10, 10, 60, 60), (102, 30, 106, 38), (140, 100, 150, 120)]
    assert (people_contours(mask_of(BODY, *others), BOX) == people_contours(mask_of(BODY), BOX)).all()


def test_thin_parts_go_and_limbs_stay() -> None:
    rope, arm = (135, 60, 150, 63), (90, 80, 105, 88)
    found = people_contours(mask_of(BODY, rope, arm), BOX)
    assert not found[60:63, 140:150].any()
    assert found[82:86, 93:105].all()


def test_two_people_who_touch_are_both_kept_and_one_whom_nobody_found_is_not_drawn() -> None:
    both = mask_of(BODY, (130, 50, 160, 138))
    alone = people_contours(both, BOX)
    assert not alone[:, 153:].any(), "no further than the box reaches"
    boxes = np.concatenate([BOX, [[128.0, 45.0, 162.0, 140.0]]])
    assert people_contours(both, boxes)[60:130, 110:155].all()
    assert not people_contours(both, np.empty((0, 4))).any()


def test_people_at_the_edge_keep_their_rim() -> None:
    found = people_contours(mask_of((200, 100, 240, 200)), np.array([[200.0, 100.0, 260.0, 230.0]]))
    assert (found[110:200, 210:240] == 255).all()


def test_without_boxes_height_and_area_tell_people() -> None:
    person, low, tall, line = (20, 60, 50, 150), (60, 60, 120, 80), (130, 0, 160, 200), (200, 60, 204, 150)
    found = person_sized_contours(mask_of(person, low, tall, line), 60, 120)
    assert found[70:140, 25:45].all()
    assert not found[:, 55:].any()
    assert not person_sized_contours(mask_of(), 60, 120).any()


def test_boxes_outside_the_picture_are_no_people() -> None:
    assert not people_contours(mask_of(BODY), np.array([[300.0, 40.0, 340.0, 140.0], [-90.0, 0.0, -50.0, 90.0]])).any()
