"""``anonymize`` lets no pixel of a person through, at no edge and in no frame."""

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.anonymize.cover.modes import plain_ground
from ops.anonymize.locate.background import usable_background
from ops.anonymize.params import AnonymizeParams
from schemas.tables import TABLES
from schemas.values import CameraView, Uint8
from tests.ops.anonymize.test_geometry import boxes_in_frame
from tests.ops.people import (
    FIXED,
    GREY,
    HEIGHT,
    SEGMENT,
    TURNING,
    WIDTH,
    Box,
    TimedBox,
    background_row,
    cover,
    covered_mask,
    inputs_of,
    noise_frames,
    opened,
)
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit


@pytest.mark.parametrize("mode", ["silhouette", "solid"])
@pytest.mark.parametrize("camera", [FIXED, TURNING])
def test_the_last_row_and_column_of_a_person_at_the_edge_are_covered(mode: str, camera: CameraView) -> None:
    frames = noise_frames(1)
    box = (WIDTH - 20.0, HEIGHT - 30.0, float(WIDTH), float(HEIGHT))
    backgrounds = background_row(
        SEGMENT, frames[0]
    )  # The person looks like the background: only the core can save them.
    after, _ = cover(frames, inputs_of(SEGMENT, [[TimedBox(0, box)]], backgrounds=backgrounds), camera, mode=mode)
    mask = covered_mask(frames, after)[0]
    assert mask[-10:, -1].all()
    assert mask[-1, -10:].all()


@settings(max_examples=25, deadline=None)
@given(box=boxes_in_frame(), mode=st.sampled_from(["silhouette", "solid"]), seed=st.integers(0, 9))
def test_what_is_covered_tells_nothing_of_the_pixels_below(box: Box, mode: str, seed: int) -> None:
    inputs = inputs_of(SEGMENT, [[TimedBox(0, box)]])
    one = noise_frames(1)
    after, _ = cover(one, inputs, mode=mode)
    mask = covered_mask(one, after)
    other = one.copy()
    other[mask] = noise_frames(1, seed + 1)[mask]
    assert (cover(other, inputs, mode=mode)[0] == after).all()


def test_a_track_is_covered_between_its_points_and_beyond_both_ends() -> None:
    frames = noise_frames(40)
    walk = [TimedBox(1.0, (10, 20, 20, 50)), TimedBox(2.0, (50, 20, 60, 50))]
    after, row = cover(frames, inputs_of(SEGMENT, [walk]), extend_s=0.5)
    mask = covered_mask(frames, after)
    assert mask[15, 35, 35]  # Half way in time is half way in space.
    assert not mask[15, 35, 60]
    assert mask[5, 35, 15] and mask[25, 35, 55]  # Stands still, half a second before and after.
    assert mask[25, 35, 70]  # Walks on.
    assert [bool(one.any()) for one in mask] == [5 <= number <= 25 for number in range(40)]
    assert row["covered_frames"] == 21
    assert row["covered_share"] == pytest.approx(mask.mean())


def test_a_single_point_is_covered_around_its_time() -> None:
    frames = noise_frames(20)
    after, _ = cover(frames, inputs_of(SEGMENT, [[TimedBox(1.0, (30, 20, 45, 60))]]), extend_s=0.3)
    assert covered_mask(frames, after)[:, 40, 37].nonzero()[0].tolist() == list(range(7, 14))


def test_overlapping_tracks_are_both_covered() -> None:
    frames = noise_frames(1)
    tracks = [[TimedBox(0, (20, 20, 40, 60))], [TimedBox(0, (30, 25, 55, 65))]]
    after, _ = cover(frames, inputs_of(SEGMENT, tracks), mode="solid")
    assert covered_mask(frames, after)[0, 25:60, 20:55].all()


def test_without_people_frames_pass_unchanged() -> None:
    frames = noise_frames(12)
    after, row = cover(frames, inputs_of(SEGMENT))
    assert (after == frames).all()
    assert (row["covered_frames"], row["covered_share"], row["frames"]) == (0, 0.0, 12)


# With a background: 240 x 160, a textured wall, and a body of another grey in it.
SIZE = (240, 160)
WALL = cv2.GaussianBlur(noise_frames(1, 5, SIZE)[0], (0, 0), 3)
BODY = (100, 40, 130, 120)


def with_body(box: tuple[int, int, int, int] = BODY, value: int = 40, count: int = 1) -> Uint8:
    """Frames of the wall with a dark body."""
    frames = np.repeat(WALL[None], count, axis=0)
    frames[:, box[1] : box[3], box[0] : box[2]] = value
    return frames


WALL_SEGMENT = make_segment(duration_s=4.0, size_px=SIZE)


def on_wall(frames: Uint8, **given: object) -> np.ndarray:
    """Covered mask of frames before the wall, of a fixed camera with a background, before they are verified."""
    params = given.pop("params", {})
    inputs = inputs_of(WALL_SEGMENT, **{"backgrounds": background_row(WALL_SEGMENT, WALL), **given})  # type: ignore[arg-type]
    services = FakeServices()
    session = opened(**params).start(make_unit([WALL_SEGMENT], FIXED), inputs, services)  # type: ignore[arg-type]
    session.feed(make_batch(frames, WALL_SEGMENT))
    session.finish({})
    first = services.sinks[WALL_SEGMENT.segment_id].chunks[0]
    return covered_mask(frames, np.concatenate([batch.frames for batch in first.batches]))


def test_a_silhouette_covers_all_of_the_body_and_not_all_of_the_box() -> None:
    box = TimedBox(0, (80.0, 30.0, 150.0, 130.0))
    mask = on_wall(with_body(), tracks=[[box]], params={"grow_share": 0.01})[0]
    x1, y1, x2, y2 = BODY
    assert mask[y1:y2, x1:x2].all()
    assert not mask[125:130, 80:85].any()


def test_a_limb_outside_the_box_but_in_its_padding_is_covered() -> None:
    frames = with_body()
    frames[:, 60:66, 130:138] = 40
    mask = on_wall(frames, tracks=[[TimedBox(0, BODY)]], params={"pad_px": 10.0})[0]
    assert mask[60:66, 130:138].all()


def test_a_person_who_looks_like_the_wall_is_covered_all_the_same() -> None:
    mask = on_wall(WALL[None], tracks=[[TimedBox(0, BODY)]])[0]
    assert mask[40:120, 115].all()
    assert mask[80, 100:130].all()


def test_a_person_whom_the_detector_missed_is_covered_and_held() -> None:
    frames = np.concatenate([with_body(), np.repeat(WALL[None], 9, axis=0)])
    masks = on_wall(frames, params={"hold_s": 0.4})
    assert masks[0, 40:120, 100:130].all()
    assert [bool(mask.any()) for mask in masks] == [True] * 5 + [False] * 5


def test_what_is_smaller_than_a_person_is_let_through() -> None:
    assert not on_wall(with_body((100, 40, 104, 44)), params={"person_share": 0.005}).any()


@pytest.mark.parametrize("gain", [0.8, 1.15])
def test_light_that_drifts_is_no_person(gain: float) -> None:
    dimmed = np.clip(WALL[None] * gain, 0, 255).astype(np.uint8)
    assert not on_wall(dimmed).any()


def test_a_gentle_difference_counts_near_people_only() -> None:
    pale = WALL.copy()
    pale[40:120, 100:130] -= 22
    assert not on_wall(pale[None]).any()
    assert on_wall(pale[None], tracks=[[TimedBox(0, (80.0, 30.0, 150.0, 130.0))]])[0, 40:120, 100:130].all()


def test_where_the_background_is_unknown_nothing_is_vouched_for() -> None:
    unknown = np.zeros(SIZE[::-1], np.uint8)
    unknown[40:120, 100:130] = 255
    mask = on_wall(WALL[None], backgrounds=background_row(WALL_SEGMENT, WALL, unknown))[0]
    assert mask[40:120, 100:130].all()


def test_where_the_background_may_show_a_person_nothing_is_vouched_for_and_nothing_of_them_is_painted() -> None:
    doubtful = np.zeros(SIZE[::-1], np.uint8)
    doubtful[40:120, 100:130] = 255
    shown = with_body()[0]
    mask = on_wall(shown[None], backgrounds=background_row(WALL_SEGMENT, shown, doubtful=doubtful))[0]
    assert mask[40:120, 100:130].all()
    background = usable_background(
        AnonymizeParams(),
        make_unit([WALL_SEGMENT], FIXED),
        inputs_of(WALL_SEGMENT, backgrounds=background_row(WALL_SEGMENT, shown, doubtful=doubtful)),
    )
    assert background is not None
    assert np.abs(background.picture.astype(int) - WALL)[40:120, 102:128].max() <= 60
    assert background.unknown_share == pytest.approx(80 * 30 / (SIZE[0] * SIZE[1]))


@pytest.mark.parametrize(
    ("views", "moves", "steadied", "vouches"),
    [
        (1, False, False, True),
        (1, None, False, True),
        (1, True, False, False),
        (1, True, True, True),
        (2, True, True, False),
    ],
)
def test_a_background_of_a_view_that_moves_vouches_only_if_it_was_steadied(
    views: int, moves: bool | None, steadied: bool, vouches: bool
) -> None:
    motion = TABLES["view_motion"].conform(
        {
            "camera": ["cam1"],
            "segment_id": [WALL_SEGMENT.segment_id],
            "samples": [20],
            "judged": [1.0],
            "views": [views],
            **{name: [None] for name in ("most_shift_px", "drift_px", "shake_px", "scale", "rotation_deg")},
            "moves": [moves],
        }
    )
    inputs = inputs_of(WALL_SEGMENT, backgrounds=background_row(WALL_SEGMENT, WALL, steadied=steadied))
    unit = make_unit([WALL_SEGMENT], FIXED)
    background = usable_background(AnonymizeParams(), unit, {**inputs, "view_motion": motion})
    assert (background is not None) == vouches


@pytest.mark.parametrize(
    "backgrounds",
    [
        background_row(WALL_SEGMENT, WALL, samples=3),
        background_row(WALL_SEGMENT, WALL, span_s=12.0),
        background_row(WALL_SEGMENT, WALL[:80, :120]),
        None,
    ],
)
def test_a_background_that_cannot_vouch_leaves_whole_boxes_or_their_cores(backgrounds: pa.Table | None) -> None:
    masks = {
        mode: on_wall(
            with_body(),
            backgrounds=backgrounds,
            tracks=[[TimedBox(0, BODY)]],
            params={"pad_share": 0.1, "pad_px": 2.0, "mode": mode},
        )[0]
        for mode in ("solid", "silhouette")
    }
    assert masks["solid"][32:128, 97:133].all()
    assert 96 * 36 <= masks["solid"].sum() <= 96 * 36 * 1.03  # heads have padding of their own
    x1, y1, x2, y2 = map(int, BODY)
    assert masks["silhouette"][y1:y2, (x1 + x2) // 2].all() and masks["silhouette"][y1 : y1 + 14, x1:x2].all()
    assert 0.75 < masks["silhouette"].sum() / masks["solid"].sum() < 1.0


def test_where_batches_are_cut_changes_no_pixel() -> None:
    frames = np.concatenate([with_body(), with_body((60, 40, 90, 120)), np.repeat(WALL[None], 8, axis=0)])
    inputs = inputs_of(
        WALL_SEGMENT, [[TimedBox(0.2, (80.0, 30.0, 150.0, 130.0))]], backgrounds=background_row(WALL_SEGMENT, WALL)
    )
    one, other = (cover(frames, inputs, FIXED, WALL_SEGMENT, step=step)[0] for step in (1, 8))
    assert (one == other).all()


def test_a_person_who_is_half_hidden_stays_covered_after_the_track_ends() -> None:
    frames = with_body((104, 42, 112, 58), count=30)  # A head, smaller than person_share.
    services = FakeServices()
    inputs = inputs_of(WALL_SEGMENT, [[TimedBox(0, BODY)]], backgrounds=background_row(WALL_SEGMENT, WALL))
    session = opened(person_share=0.05, linger_s=2.0).start(make_unit([WALL_SEGMENT], FIXED), inputs, services)
    session.feed(make_batch(frames, WALL_SEGMENT))
    tables = session.finish({})
    sink = services.sinks[WALL_SEGMENT.segment_id]
    first, last = (np.concatenate([batch.frames for batch in take.batches]) for take in (sink.chunks[0], sink.kept[0]))
    known = covered_mask(frames, first)
    assert known[:21, 42:58, 104:112].all()
    assert not known[21:].any()
    # From then on only verification shows that a person is left.
    assert covered_mask(frames, last)[:, 42:58, 104:112].all()
    (row,) = tables["anonymized_segments"].to_pylist()
    assert row["frames_widened"] == 10  # those nine, and the neighbour of the first
    assert {review["reason"] for review in tables["review_frames"].to_pylist()} == {"covered more: residual"}


def test_solid_covers_the_box_and_those_who_were_missed() -> None:
    mask = on_wall(with_body(), tracks=[[TimedBox(0, (10, 10, 30, 60))]], params={"mode": "solid"})[0]
    assert mask[10:60, 10:30].all()
    assert mask[40:120, 100:130].all()


def test_solid_leaves_nothing_where_a_track_ended_and_only_wall_is_left() -> None:
    masks = on_wall(np.repeat(WALL[None], 20, axis=0), tracks=[[TimedBox(0, BODY)]], params={"mode": "solid"})
    assert masks[0, 40:120, 100:130].all()
    assert not masks[1:].any()


def test_pixelated_people_keep_their_place_and_nothing_else_changes() -> None:
    frames = noise_frames(1)
    inputs = inputs_of(SEGMENT, [[TimedBox(0, (32, 16, 48, 48))]])
    after, row = cover(frames, inputs, mode="pixelate", pad_share=0.0, pad_px=0.0, block_px=4)
    changed = (after != frames).any(axis=-1)[0]
    assert not changed[:8].any() and not changed[:, :28].any()  # a head zone has padding of its own
    assert len(np.unique(after[0, 16:20, 32:36].reshape(-1, 3), axis=0)) == 1
    assert row["mode"] == "pixelate"


@pytest.mark.parametrize(("colour_by", "colours"), [("none", 1), ("track", 3)])
def test_outlines_of_all_tracks_have_one_colour_unless_asked_otherwise(colour_by: str, colours: int) -> None:
    tracks = [[TimedBox(0, (x, 10.0, x + 12, 50.0))] for x in (10.0, 40.0, 70.0)]
    after, _ = cover(noise_frames(1), inputs_of(SEGMENT, tracks), mode="tracks-only", colour_by=colour_by)
    lines = {tuple(pixel) for pixel in after.reshape(-1, 3).tolist()} - {plain_ground(GREY)}
    assert len(lines) == colours
