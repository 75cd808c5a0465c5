"""In mode ``replace`` no pixel of the footage reaches the video, and nothing but people is drawn."""

import cv2
import numpy as np
import pyarrow as pa
import pytest

from ops.anonymize.cover.modes import PALETTE, plain_ground
from ops.anonymize.params import AnonymizeParams
from schemas.values import CameraView, Uint8
from tests.ops.people import FIXED, GREY, TURNING, TimedBox, background_row, cover, inputs_of, noise_frames
from tests.support.fakes import make_segment

SIZE = (240, 160)
SEGMENT = make_segment(duration_s=4.0, size_px=SIZE)
PLAIN = plain_ground(GREY)
BODY = (100, 40, 130, 120)
WALK = [TimedBox(0.0, (100.0, 40.0, 130.0, 120.0))]


def wall(seed: int) -> Uint8:
    return cv2.GaussianBlur(noise_frames(1, seed, SIZE)[0], (0, 0), 3)


def replaced(frames: Uint8, inputs: dict[str, pa.Table], camera: CameraView = FIXED, **params: object) -> Uint8:
    return cover(frames, inputs, camera, SEGMENT, mode="replace", **params)[0]


def people_in(frame: Uint8) -> np.ndarray:
    """Where silhouettes are; makes sure that all else is plain."""
    people = (frame == GREY).all(axis=2)
    assert (frame[~people] == PLAIN).all()
    return people


def filmed(scene: Uint8, *dark: tuple[int, int, int, int], value: int = 40, count: int = 1) -> Uint8:
    frames = np.repeat(scene[None], count, axis=0)
    for x1, y1, x2, y2 in dark:
        frames[:, y1:y2, x1:x2] = value
    return frames


@pytest.mark.parametrize("camera", [FIXED, TURNING])
def test_another_scene_behind_the_same_people_gives_the_same_bytes(camera: CameraView) -> None:
    def published(seed: int) -> Uint8:
        inputs = inputs_of(SEGMENT, [WALK], backgrounds=background_row(SEGMENT, wall(seed)))
        return replaced(filmed(wall(seed), BODY), inputs, camera)

    assert (published(1) == published(2)).all()
    assert people_in(published(1)[0])[50:110, 105:125].all()


def test_without_people_all_frames_are_plain_whatever_moves_in_them() -> None:
    inputs = inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, wall(1)))
    frames = np.concatenate([wall(1)[None], filmed(wall(1), (20, 20, 90, 140)), noise_frames(2, 3, SIZE)])
    assert (replaced(frames, inputs) == PLAIN).all()


def test_what_moves_beside_a_person_is_not_drawn() -> None:
    clock, car = (4, 4, 40, 12), (160, 60, 230, 110)
    inputs = inputs_of(SEGMENT, [WALK], backgrounds=background_row(SEGMENT, wall(1)))
    alone = people_in(replaced(filmed(wall(1), BODY), inputs)[0])
    with_others = people_in(replaced(filmed(wall(1), BODY, clock, car), inputs)[0])
    assert alone[40:120, 100:130].all()
    assert (with_others == alone).all()


def test_vehicles_are_not_drawn_though_they_are_targets() -> None:
    inputs = inputs_of(SEGMENT, [WALK, [TimedBox(0.0, (10.0, 90.0, 80.0, 140.0), label="car")]])
    people = people_in(replaced(filmed(wall(1), BODY), inputs, TURNING, targets=("person", "vehicle"))[0])
    assert people[50:110, 105:125].all() and not people[:, :85].any()


def test_people_at_the_edge_are_drawn_to_it() -> None:
    edge = (210, 90, 240, 160)
    inputs = inputs_of(SEGMENT, [[TimedBox(0.0, edge)]], backgrounds=background_row(SEGMENT, wall(1)))  # type: ignore[arg-type]
    assert people_in(replaced(filmed(wall(1), edge), inputs)[0])[100:, 215:].all()


def test_a_colour_per_track_is_one_of_the_palette_and_the_scene_stays_plain() -> None:
    other = [TimedBox(0.0, (20.0, 40.0, 50.0, 120.0))]
    (frame,) = replaced(filmed(wall(1), BODY), inputs_of(SEGMENT, [WALK, other]), TURNING, colour_by="track")
    assert {tuple(pixel) for pixel in frame.reshape(-1, 3).tolist()} <= {PLAIN, GREY, *PALETTE}
    assert tuple(frame[80, 115]) != tuple(frame[80, 35])


@pytest.mark.parametrize("camera", [FIXED, TURNING])
def test_what_is_detected_and_not_tracked_is_not_drawn_since_signs_and_cones_are(camera: CameraView) -> None:
    seen = [TimedBox(0.0, (20.0, 40.0, 50.0, 120.0), 0.3)]
    inputs = inputs_of(SEGMENT, [WALK], seen, backgrounds=background_row(SEGMENT, wall(1)), second=seen)
    people = people_in(replaced(filmed(wall(1), BODY, (20, 40, 50, 120)), inputs, camera)[0])
    assert people[50:110, 105:125].all() and not people[:, :85].any()


def test_a_thing_that_is_tracked_as_a_person_and_never_moves_is_not_drawn() -> None:
    inputs = inputs_of(SEGMENT, [WALK], backgrounds=background_row(SEGMENT, wall(1)))
    assert (replaced(filmed(wall(1)), inputs) == PLAIN).all()


def test_frames_that_repeat_show_the_plain_scene_and_the_row_says_that_all_is_covered() -> None:
    inputs = inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, wall(1)))
    frames, row = cover(filmed(wall(1), count=8), inputs, FIXED, SEGMENT, mode="replace")
    assert (frames == PLAIN).all()
    assert row["frames_repeated"] == 7 and row["dismissed_frames"] == 0
    assert (row["covered_share"], row["level"], row["verified_by"]) == (1.0, "silhouettes on a plain scene", "paint")


def test_a_mode_that_shows_people_alone_refuses_other_targets_alone() -> None:
    with pytest.raises(ValueError, match="add 'person' to targets"):
        AnonymizeParams(mode="replace", targets=("head", "vehicle"))
