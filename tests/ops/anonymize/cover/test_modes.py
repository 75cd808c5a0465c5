"""In every mode, nothing of what lies under the mask is left but what the mode says."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.anonymize.cover.modes import (
    PALETTE,
    Scene,
    flat_colours,
    open_painter,
    plain_ground,
    track_colours,
)
from ops.anonymize.cover.paint import (
    blur_size,
    draw_boxes,
    paint_blurred,
    paint_nearest,
    paint_picture,
)
from ops.anonymize.cover.skeleton import LIMBS, draw_skeletons
from ops.anonymize.geometry import cover_boxes
from ops.anonymize.params import AnonymizeParams
from ops.pose_network import POINTS
from schemas.anonymity import MODES
from schemas.values import Float64, Uint8

WIDTH, HEIGHT = 127, 63  # odd on purpose
SLATE = (139, 116, 100)
OPTIONS = AnonymizeParams()
BY_TRACK = AnonymizeParams(colour_by="track")
BOXES = np.array([[10, 5, 30, 60], [90.5, 10.2, 127, 63]])
TRACKS = np.array([3, -1])
KEEPS_NOTHING = ["silhouette", "solid", "skeleton", "remove", "tracks-only", "replace"]
ALL_MODES = pytest.mark.parametrize("mode", list(MODES))


class StandsInBox:
    """A ``PoseFinder`` that needs no pixels: everybody stands straight."""

    def find(self, frame: Uint8, boxes: Float64) -> Float64:
        places = np.linspace(0.1, 0.9, POINTS)
        low, size = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
        points = low + size * np.stack([np.tile([0.3, 0.7], POINTS)[:POINTS], places], axis=1)[None]
        return np.concatenate([points, np.ones((len(boxes), POINTS, 1))], axis=2)


def noise(seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Uint8:
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def scene_of(boxes: Float64 = BOXES, background: bool = True) -> Scene:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cover_boxes(mask, boxes)
    tracks = np.resize(TRACKS, len(boxes)) if len(boxes) else np.empty(0, np.int64)
    return Scene(mask, boxes, tracks, noise(99) if background else None)


def painted(mode: str, frame: Uint8, scene: Scene, options: AnonymizeParams = OPTIONS) -> Uint8:
    after = frame.copy()
    open_painter(replace(options, mode=mode), StandsInBox())(after, scene)
    return after


def some_boxes() -> st.SearchStrategy[Float64]:
    low, size = st.floats(-20, 120), st.floats(1, 70)
    box = st.tuples(low, low, size, size).map(lambda one: (one[0], one[1], one[0] + one[2], one[1] + one[3]))
    return st.lists(box, max_size=4).map(lambda found: np.array(found, np.float64).reshape(-1, 4))


@pytest.mark.parametrize("mode", KEEPS_NOTHING)
@pytest.mark.parametrize("background", [True, False])
@settings(max_examples=15, deadline=None)
@given(boxes=some_boxes(), seed=st.integers(0, 50))
def test_what_is_painted_tells_nothing_of_the_pixels_below(
    mode: str, background: bool, boxes: Float64, seed: int
) -> None:
    scene, one = scene_of(boxes, background), noise(seed)
    other = one.copy()
    other[scene.mask > 0] = noise(seed + 1)[scene.mask > 0]
    for options in (OPTIONS, BY_TRACK):
        assert (painted(mode, one, scene, options) == painted(mode, other, scene, options)).all()


@ALL_MODES
def test_the_same_frame_gives_the_same_bytes(mode: str) -> None:
    assert (painted(mode, noise(1), scene_of()) == painted(mode, noise(1), scene_of())).all()


@ALL_MODES
def test_far_from_the_mask_nothing_changes_but_where_no_pixel_is_shown_at_all(mode: str) -> None:
    before, after = noise(1), painted(mode, noise(1), scene_of())
    far = cv2.dilate(scene_of().mask, np.ones((31, 31), np.uint8)) == 0
    assert far.any()
    if mode == "tracks-only":
        assert (after[far] == scene_of().background[far]).all()  # type: ignore[index]
    elif mode == "replace":
        assert (after[far] == plain_ground(SLATE)).all()
    else:
        assert (after[far] == before[far]).all()


@ALL_MODES
def test_an_empty_mask_leaves_the_frame_alone(mode: str) -> None:
    after = painted(mode, noise(1), scene_of(np.empty((0, 4))))
    shown = {"tracks-only": scene_of().background, "replace": np.full_like(after, plain_ground(SLATE))}
    assert (after == shown.get(mode, noise(1))).all()


@pytest.mark.parametrize("mode", ["skeleton", "remove", "tracks-only"])
def test_without_a_background_the_mask_is_painted_flat(mode: str) -> None:
    scene = scene_of(background=False)
    ground = SLATE if mode == "remove" else plain_ground(SLATE)
    colours = np.unique(painted(mode, noise(1), scene)[scene.mask > 0], axis=0).tolist()
    assert list(ground) in colours
    if mode == "remove":
        assert colours == [list(ground)]
    else:
        assert list(SLATE) in colours, "lines are seen on it"
    if mode == "tracks-only":
        everything = np.unique(painted(mode, noise(1), scene).reshape(-1, 3), axis=0).tolist()
        assert {tuple(colour) for colour in everything} == {ground, SLATE}


@pytest.mark.parametrize("colour", ["#000000", "#ffffff", "#808080", "#ff0000", "#64748b"])
def test_lines_can_be_told_from_the_ground_that_stands_in_for_a_background(colour: str) -> None:
    bgr = AnonymizeParams(colour=colour).bgr
    assert np.abs(np.subtract(plain_ground(bgr), bgr)).max() >= 50


@pytest.mark.parametrize("mode", ["tracks-only", "replace"])
def test_modes_without_a_pixel_of_the_frame_give_the_same_for_any_frame(mode: str) -> None:
    assert (painted(mode, noise(1), scene_of()) == painted(mode, noise(2), scene_of())).all()


@pytest.mark.parametrize("options", [OPTIONS, BY_TRACK])
def test_a_replaced_scene_has_one_colour_and_people_have_those_of_silhouettes(options: AnonymizeParams) -> None:
    scene = scene_of()
    after = painted("replace", noise(1), scene, options)
    people = painted("silhouette", noise(1), scene, options)
    assert (after[scene.mask > 0] == people[scene.mask > 0]).all()
    assert (after[scene.mask == 0] == plain_ground(options.bgr)).all()


def test_modes_are_those_that_are_described_and_skeletons_need_poses() -> None:
    for mode in MODES:
        open_painter(replace(OPTIONS, mode=mode), StandsInBox())
    with pytest.raises(ValueError, match="finds poses"):
        open_painter(AnonymizeParams(mode="skeleton"))


@pytest.mark.parametrize("mode", ["silhouette", "solid"])
@pytest.mark.parametrize("options", [OPTIONS, BY_TRACK])
def test_flat_modes_paint_only_their_colours(mode: str, options: AnonymizeParams) -> None:
    scene = scene_of()
    found = {tuple(colour) for colour in painted(mode, noise(1), scene, options)[scene.mask > 0].tolist()}
    assert found <= set(flat_colours(replace(options, mode=mode)))


def test_other_modes_have_no_flat_colours() -> None:
    assert [mode for mode in MODES if flat_colours(replace(OPTIONS, mode=mode))] == ["silhouette", "solid"]


def test_a_track_keeps_its_colour_and_neighbours_differ() -> None:
    colours = track_colours(np.arange(40), SLATE)
    assert colours == track_colours(np.arange(40), SLATE)
    assert all(one != other for one, other in pairwise(colours))
    assert set(colours) == set(PALETTE)
    assert track_colours(np.array([-1]), SLATE) == [SLATE]


def test_shapes_have_the_colour_of_the_track_whose_box_is_nearest() -> None:
    scene = scene_of(np.array([[10, 5, 30, 60], [90, 10, 120, 60.0]]))
    scene = Scene(np.full((HEIGHT, WIDTH), 255, np.uint8), scene.boxes, np.array([3, 4]), None)
    after = painted("silhouette", noise(1), scene, BY_TRACK)
    three, four = track_colours(np.array([3, 4]), SLATE)
    assert tuple(after[30, 20]) == three
    assert tuple(after[30, 33]) == three  # beside the box
    assert tuple(after[30, 105]) == four
    assert tuple(after[30, 60]) == SLATE  # far from both


def test_one_in_front_of_a_larger_one_keeps_their_colour() -> None:
    frame = noise(1)
    boxes = np.array([[0, 0, 100, 60], [40, 20, 60, 60.0]])
    paint_nearest(frame, np.full((HEIGHT, WIDTH), 255, np.uint8), boxes, [(1, 1, 1), (2, 2, 2)])
    assert tuple(frame[45, 50]) == (2, 2, 2)
    assert tuple(frame[40, 20]) == (1, 1, 1)


@pytest.mark.parametrize("mode", ["skeleton", "tracks-only"])
def test_lines_have_one_colour_for_all_unless_tracks_are_to_have_their_own(mode: str) -> None:
    boxes = np.array([[5, 5, 35, 60], [45, 5, 75, 60], [85, 5, 115, 60.0]])
    mask, black = np.full((HEIGHT, WIDTH), 255, np.uint8), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    scene, renamed = (Scene(mask, boxes, np.array(tracks), black) for tracks in ([3, 4, -1], [8, 1, 2]))
    one, other = painted(mode, noise(1), scene), painted(mode, noise(1), renamed)
    assert (one == other).all(), "a track's number shows in no pixel"
    assert (one == SLATE).all(axis=-1).any()
    assert (np.unique(one.reshape(-1, 3), axis=0) <= SLATE).all(), "slate on black, and what is between"
    by_track = painted(mode, noise(1), scene, BY_TRACK)
    three, four = track_colours(np.array([3, 4]), SLATE)
    for colour, (x1, x2) in ((three, (0, 40)), (four, (40, 80))):
        found = {tuple(pixel) for pixel in by_track[:, x1:x2].reshape(-1, 3).tolist()}
        assert colour in found and SLATE not in found


@ALL_MODES
def test_by_default_nobody_has_a_colour_of_their_own(mode: str) -> None:
    """Two people of the same clothes, before the same wall: numbers of tracks, known or not, change no pixel."""
    boxes = np.array([[8, 16, 24, 48], [72, 16, 88, 48.0]])
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cover_boxes(mask, boxes)
    wall = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    frame = wall.copy()
    frame[mask > 0] = (20, 40, 60)
    shown = [painted(mode, frame, Scene(mask, boxes, np.array(tracks), wall)) for tracks in ([3, 4], [8, -1], [0, 9])]
    assert all((each == shown[0]).all() for each in shown)
    first, second = (np.unique(shown[0][12:52, x : x + 24].reshape(-1, 3), axis=0).tolist() for x in (4, 68))
    assert first == second


# The background.


def test_around_the_mask_the_frame_passes_over_into_the_background() -> None:
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:40, 40:80] = 255
    paint_picture(frame, mask, np.full_like(frame, 200))
    row = frame[30, 40:, 0].astype(int)
    assert (row[:40] == 200).all()
    assert (np.diff(row[39:]) <= 0).all()
    assert 0 < row[41] < 200
    assert row[-1] == 0


def test_one_pixel_at_the_corner_is_replaced() -> None:
    frame, mask = noise(1), np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[-1, -1] = 1
    paint_picture(frame, mask, np.full_like(frame, 7))
    assert tuple(frame[-1, -1]) == (7, 7, 7)


# Blur.


@pytest.mark.parametrize("side", [1, 2, 3])
def test_a_blur_of_few_pixels_is_nearly_the_flat_colour(side: int) -> None:
    frame, mask = np.full((HEIGHT, WIDTH, 3), 255, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10 : 10 + side, 10 : 10 + side] = 255
    paint_blurred(frame, mask, 8.0, (0, 0, 0))
    assert frame[10 : 10 + side, 10 : 10 + side].max() < 128


def test_a_blur_shows_no_detail_and_takes_nothing_from_outside() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, 20:100] = 255
    before = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    before[:, 20:100] = np.where(np.indices((HEIGHT, 80)).sum(axis=0)[..., None] % 8 < 4, 60, 100)
    after = before.copy()
    paint_blurred(after, mask, 8.0, (80, 80, 80))
    within = after[:, 20:100].astype(int)
    assert np.abs(within - 80).max() <= 4
    assert (after[mask == 0] == 255).all()


def test_a_blur_grows_with_people() -> None:
    assert blur_size(np.empty((0, 4)), 8.0) == 8.0
    assert blur_size(np.array([[0, 0, 20, 60.0]]), 8.0) == 8.0
    assert blur_size(np.array([[0, 0, 200, 500.0], [0, 0, 9, 9.0]]), 8.0) == 52.0


# Skeletons and boxes.


def test_skeletons_are_found_before_anything_is_painted_and_once_a_track() -> None:
    class Watching(StandsInBox):
        def find(self, frame: Uint8, boxes: Float64) -> Float64:
            assert (frame == noise(1)).all()
            assert boxes.tolist() == [[20, 10, 40, 50], [60, 10, 80, 50], [61, 10, 81, 50]]
            return super().find(frame, boxes)

    boxes = np.array([[10, 0, 50, 60], [20, 10, 40, 50], [60, 10, 80, 50], [61, 10, 81, 50.0]])
    scene = Scene(scene_of(boxes).mask, boxes, np.array([5, 5, -1, -1]), noise(99))
    open_painter(AnonymizeParams(mode="skeleton"), Watching())(noise(1), scene)


def test_limbs_do_not_reach_beyond_the_mask() -> None:
    frame, scene = noise(1), scene_of()
    scene.mask[:, 15:] = 0
    after = painted("skeleton", frame, Scene(scene.mask, scene.boxes, scene.tracks, background=None))
    assert (after[scene.mask > 0] != frame[scene.mask > 0]).any()
    assert (after[scene.mask == 0] == frame[scene.mask == 0]).all()


def test_limbs_are_drawn_between_sure_points_only() -> None:
    frame = np.zeros((200, 200, 3), np.uint8)
    people = np.zeros((1, POINTS, 3))
    people[0, 5], people[0, 7], people[0, 9] = (50, 50, 0.9), (50, 100, 0.9), (50, 150, 0.1)
    draw_skeletons(frame, people, np.array([[0, 0, 100, 190.0]]), [(9, 8, 7)])
    assert tuple(frame[75, 50]) == (9, 8, 7)
    assert not frame[125, 50].any()
    assert {point for limb in LIMBS for point in limb} == set(range(5, POINTS))


def test_a_head_is_a_disc_on_a_neck() -> None:
    frame = np.zeros((200, 200, 3), np.uint8)
    people = np.zeros((1, POINTS, 3))
    people[0, 0], people[0, 5], people[0, 6] = (60, 20, 0.9), (50, 60, 0.9), (70, 60, 0.9)
    draw_skeletons(frame, people, np.array([[0, 0, 100, 190.0]]), [(9, 8, 7)])
    assert tuple(frame[20, 60]) == tuple(frame[40, 60]) == (9, 8, 7)


def test_points_far_outside_of_the_picture_do_no_harm() -> None:
    frame = np.zeros((20, 20, 3), np.uint8)
    people = np.full((1, POINTS, 3), 1e12)
    draw_skeletons(frame, people, np.array([[0, 0, 10, 19.0]]), [(9, 8, 7)])


def test_boxes_are_outlined_up_to_the_last_row_and_column() -> None:
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    boxes = np.array([[90.5, 10.2, 140, 70], [-50, -50, -10, -10]])
    draw_boxes(frame, boxes, [(1, 2, 3), (4, 5, 6)])
    assert tuple(frame[-1, -1]) == tuple(frame[10, 90]) == (1, 2, 3)
    assert not (frame == (4, 5, 6)).all(axis=-1).any()
    assert not frame[40, 110].any()
