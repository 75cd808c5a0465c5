"""The background shows a view without its people, and what was left in it or taken from it is found."""

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.background import Background, BackgroundParams
from ops.detect import Detect, DetectParams
from ops.foreground_mask import foreground_mask
from ops.masked_median import UNSEEN, masked_median
from schemas.op import DETECTOR, FrameOp, ModelRequest, Tables
from schemas.tables import TABLES
from schemas.values import CameraView, FrameBatch, Segment, Uint8
from storage.weights.catalogue import ModelStore
from tests.ops.people import TimedBox, detected, observed
from tests.ops.walkabout import SIZE_PX, Draw, box_at, film, street, thing, walker
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

FPS = 2.0
BAG = (200, 150, 224, 170)


def late_tables(segment: Segment, seen: Sequence[TimedBox], looked_s: Sequence[float] | None = None) -> Tables:
    """What the detector would have written, looking ten times a second."""
    times = np.arange(0, segment.duration_s, 0.1).tolist() if looked_s is None else looked_s
    return {"detections": detected(segment, seen), "observed_frames": observed(segment, times)}


def run(
    frames: Uint8,
    seen: Sequence[TimedBox] = (),
    params: BackgroundParams | None = None,
    looked_s: Sequence[float] | None = None,
    sizes: Sequence[int] = (8,),
) -> Tables:
    """Runs the op on two frames a second."""
    segment = make_segment(duration_s=len(frames) / FPS, fps=FPS, size_px=(frames.shape[2], frames.shape[1]))
    session = Background(params or BackgroundParams()).start(make_unit([segment]), {}, FakeServices())
    first, turn = 0, 0
    while first < len(frames):
        batch = frames[first : first + sizes[turn % len(sizes)]]
        session.feed(make_batch(batch, segment, first, FPS))
        first, turn = first + len(batch), turn + 1
    return session.finish(late_tables(segment, seen, looked_s))


def walk(
    start: tuple[int, int], step_px: float, frames: range, label: str = "person", sure: float = 0.8
) -> list[TimedBox]:
    """The boxes of a walker, seen ten times a second in frames that come twice a second."""
    times = np.arange(frames.start / FPS, frames.stop / FPS, 0.1)
    return [TimedBox(float(t), box_at(start, step_px, round(float(t) * FPS)), sure, label) for t in times]


def pictures(tables: Tables) -> tuple[Uint8, Uint8]:
    """The background, BGR, and its mask of unknown pixels."""
    (row,) = tables["backgrounds"].to_pylist()
    background = cv2.imdecode(np.frombuffer(row["png"], np.uint8), cv2.IMREAD_COLOR)
    unknown = cv2.imdecode(np.frombuffer(row["unknown_png"], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert background.shape == (row["height"], row["width"], 3)
    assert unknown.shape == background.shape[:2]
    return np.asarray(background), np.asarray(unknown)


def off(background: Uint8) -> np.ndarray:
    """Difference of each pixel to the street as it is."""
    return np.abs(background.astype(int) - street()).max(axis=2)


# The background -----------------------------------------------------------------------------------------------------


def test_people_are_not_in_the_background_though_they_stand_there_most_of_the_time() -> None:
    start = (160, 200)

    def stands(picture: Uint8, number: int) -> None:
        if number < 32:
            walker(start, 0)(picture, number)

    tables = run(film(40, [stands]), walk(start, 0, range(32)))
    background, unknown = pictures(tables)
    (row,) = tables["backgrounds"].to_pylist()
    assert off(background).max() <= 10
    assert not unknown.any()
    assert row["unknown_share"] == 0
    assert row["samples"] == 40
    assert 1 < row["noise"] < 3  # drawn with a standard deviation of 3 in each of three channels


def test_pixels_that_were_never_free_are_unknown_and_painted_over() -> None:
    start = (160, 200)
    background, unknown = pictures(run(film(20, [walker(start, 0)]), walk(start, 0, range(20))))
    x1, y1, x2, y2 = box_at(start, 0, 0)
    assert (unknown[y1:y2, x1:x2] == 255).all()
    assert unknown[: y1 - 20].max() == 0
    assert set(np.unique(unknown)) == {0, 255}
    figure = film(1, [walker(start, 0)])[0]
    left = np.abs(background.astype(int) - figure)[y1:y2, x1:x2].max(axis=2)
    drawn = np.abs(figure.astype(int) - street())[y1:y2, x1:x2].max(axis=2) > 40
    assert (left[drawn] > 20).mean() > 0.8, "the figure's own pixels are still there"


def test_a_parked_car_is_part_of_the_background_but_one_that_leaves_is_not() -> None:
    parked, leaving = (20, 100, 90, 140), (180, 100, 250, 140)
    draw = [thing(parked, (160, 40, 40)), thing(leaving, (40, 40, 160), 0, 30)]
    times = np.arange(0, 20, 0.1).tolist()
    seen = [TimedBox(t, parked, 0.9, "car") for t in times] + [
        TimedBox(t, leaving, 0.9, "car") for t in times if t < 15
    ]
    background, unknown = pictures(run(film(40, draw), seen))
    assert not unknown.any()
    assert np.abs(background[105:135, 30:80].astype(int) - (160, 40, 40)).max() <= 10
    assert off(background)[100:140, 180:250].max() <= 10


def test_doubtful_people_do_not_make_pixels_unknown() -> None:
    """A statue that the detector now and then takes for somebody belongs to the view."""
    statue = (100, 60, 124, 120)
    seen = [TimedBox(t, statue, 0.15) for t in np.arange(0, 20, 0.1).tolist()]
    background, unknown = pictures(run(film(40, [thing(statue, (200, 200, 200))]), seen))
    assert not unknown.any()
    assert np.abs(background[65:115, 105:119].astype(int) - 200).max() <= 10


def test_frames_near_which_nobody_looked_are_not_used() -> None:
    frames = film(40, [thing((0, 0, 320, 240), (0, 0, 255), 0, 20)])
    tables = run(frames, looked_s=np.arange(10.6, 20, 0.1).tolist())
    background, _ = pictures(tables)
    assert tables["backgrounds"]["samples"].to_pylist() == [19]
    assert off(background).max() <= 10
    assert run(frames, looked_s=[])["backgrounds"].num_rows == 0
    assert run(frames, looked_s=[])["static_regions"].num_rows == 0


@pytest.mark.slow
def test_samples_are_few_and_spread_over_the_segment() -> None:
    params = BackgroundParams(samples=5)
    times = run(film(60, []), params=params)["backgrounds"]["samples"].to_pylist()
    assert times == [5]
    half_mb = 320 * 240 * 3 * 4 / 1e6
    assert run(film(60, []), params=BackgroundParams(samples_mb=half_mb))["backgrounds"]["samples"].to_pylist() == [4]


def test_batches_change_nothing() -> None:
    frames = film(40, [walker((60, 200), 4), thing(BAG, (30, 30, 30), 12)])
    seen = walk((60, 200), 4, range(40))
    assert run(frames, seen, sizes=(40,)) == run(frames, seen, sizes=(1, 7))


def test_a_camera_that_moves_has_no_background() -> None:
    unit = make_unit([make_segment()], CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=False))
    op = Background(BackgroundParams())
    assert op.frame_need(unit) is None
    tables = op.start(unit, {}, FakeServices()).finish(late_tables(unit.segment, []))
    assert {name: table.num_rows for name, table in tables.items()} == {"backgrounds": 0, "static_regions": 0}


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(0, 1000))
def test_the_median_is_the_lower_median_of_what_may_be_used(samples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (samples, 5, 4, 3), dtype=np.uint8)
    usable = rng.random((samples, 5, 4)) < 0.6
    median, seen = masked_median(values, usable)
    for row, column in np.ndindex(5, 4):
        kept = np.sort(values[usable[:, row, column], row, column], axis=0)
        expected = kept[(len(kept) - 1) // 2] if len(kept) else np.full(3, UNSEEN)
        assert median[row, column].tolist() == expected.tolist()
        assert seen[row, column] == bool(len(kept))


def test_covers_are_padded_and_reach_a_little_in_time() -> None:
    segment = make_segment()
    tables = late_tables(segment, [TimedBox(5.0, (100, 100, 120, 150))], looked_s=[4.9, 5.0, 5.1])
    cover = foreground_mask(tables["detections"], tables["observed_frames"], None, 0.5)
    start_us = round(segment.start.timestamp() * 1e6)
    mask = cover.mask_at(start_us + 5_200_000, SIZE_PX, SIZE_PX)
    y, x = np.nonzero(mask)
    assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == (94, 94, 126, 156)
    assert not cover.mask_at(start_us + 5_400_000, SIZE_PX, SIZE_PX).any()
    assert cover.known_at(start_us + 5_550_000)
    assert not cover.known_at(start_us + 5_700_000)
    small = cover.mask_at(start_us + 5_000_000, (160, 120), SIZE_PX)
    assert (small.sum(axis=0) > 0).sum() == 16


# Static regions ------------------------------------------------------------------------------------------------------


def regions(tables: Tables) -> list[dict[str, object]]:
    return tables["static_regions"].to_pylist()


def seconds(segment_time: object) -> float:
    return (segment_time - make_segment().start).total_seconds()


def edges_off(row: dict[str, object], box: tuple[int, int, int, int]) -> float:
    return max(abs(float(row[name]) - edge) for name, edge in zip(("x1", "y1", "x2", "y2"), box, strict=True))


def leaves_a_bag(number: int) -> tuple[int, int]:
    """The foot of somebody who comes, stands before the bag from 15 s to 25 s, and goes."""
    x = -20 + number * 8 if number < 30 else 220 if number < 50 else 220 + (number - 50) * 8
    return x, 190


@pytest.mark.slow
def test_a_bag_left_is_one_region_that_begins_when_it_can_be_seen() -> None:
    def owner(picture: Uint8, number: int) -> None:
        walker(leaves_a_bag(number), 0, 70)(picture, number)

    times = np.arange(0, 60, 0.1)
    seen = [TimedBox(float(t), box_at(leaves_a_bag(round(float(t) * FPS)), 0, 0, 70)) for t in times]
    bag: Draw = thing(BAG, (225, 225, 215), first=36)
    (region,) = regions(run(film(120, [bag, owner]), seen))
    assert edges_off(region, BAG) <= 4
    assert 18 <= seconds(region["first_time"]) <= 27
    assert seconds(region["last_time"]) == 59.5
    assert region["area_px"] == pytest.approx(24 * 20, rel=0.35)
    assert float(region["contrast"]) > 40


def test_a_thing_taken_is_found_too() -> None:
    (region,) = regions(run(film(80, [thing(BAG, (220, 220, 230), last=30)])))
    assert edges_off(region, BAG) <= 4
    assert seconds(region["first_time"]) == 15.0


@pytest.mark.slow
def test_a_thing_that_is_taken_again_has_an_end() -> None:
    (region,) = regions(run(film(120, [thing(BAG, (30, 30, 30), 20, 70)])))
    assert (seconds(region["first_time"]), seconds(region["last_time"])) == (10.0, 34.5)


@pytest.mark.slow
@pytest.mark.parametrize("stays_s", [4, 7])
def test_what_stays_too_short_is_nothing(stays_s: int) -> None:
    assert regions(run(film(80, [thing(BAG, (30, 30, 30), 20, 20 + 2 * stays_s)]))) == []


@pytest.mark.slow
def test_light_that_drifts_and_noise_are_nothing() -> None:
    assert regions(run(film(120, [], np.linspace(0.75, 1.2, 120)))) == []
    light = np.where(np.arange(120) < 60, 1.0, 0.75)
    assert regions(run(film(120, [], light))) == []


@pytest.mark.slow
def test_a_soft_patch_of_light_is_nothing() -> None:
    y, x = np.mgrid[:240, :320]
    glow = 1 + 0.4 * np.exp(-((x - 200) ** 2 + (y - 120) ** 2) / (2 * 30**2))

    def sun(picture: Uint8, number: int) -> None:
        if number >= 40:
            picture[:] = np.clip(picture * glow[:, :, None], 0, 255)

    assert regions(run(film(120, [sun]))) == []


@pytest.mark.slow
def test_who_stands_still_is_covered_and_is_no_thing() -> None:
    start = (160, 200)

    def waits(picture: Uint8, number: int) -> None:
        if 20 <= number < 90:
            walker(start, 0)(picture, 0)

    assert regions(run(film(120, [waits]), walk(start, 0, range(20, 90)))) == []


@pytest.mark.slow
def test_too_small_and_too_large_are_nothing() -> None:
    assert regions(run(film(80, [thing((200, 150, 203, 153), (30, 30, 30), 30)]))) == []
    assert regions(run(film(80, [thing((100, 60, 230, 180), (30, 30, 30), 30)]))) == []


@pytest.mark.slow
def test_two_things_are_numbered_by_time() -> None:
    first, second = thing((40, 60, 60, 80), (20, 20, 200), 40), thing(BAG, (30, 30, 30), 20)
    rows = regions(run(film(120, [first, second])))
    assert [row["region"] for row in rows] == [0, 1]
    assert [edges_off(row, box) <= 4 for row, box in zip(rows, (BAG, (40, 60, 60, 80)), strict=True)] == [True, True]


# Real footage -------------------------------------------------------------------------------------------------------


def film_of(path: Path, fps: float) -> tuple[Segment, FrameBatch]:
    """A clip's frames at a lower rate, as one batch."""
    frames, pts = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base = stream.time_base
        assert base is not None
        due = 0.0
        for frame in container.decode(stream):
            at = float(frame.pts * base)
            if at >= due - 1e-6:
                frames.append(frame.to_ndarray(format="bgr24"))
                pts.append(frame.pts)
                due += 1 / fps
    height, width = frames[0].shape[:2]
    segment = make_segment(duration_s=float((pts[-1] + 1) * base), size_px=(width, height))
    start_us = round(segment.start.timestamp() * 1e6)
    times = np.array([start_us + round(float(one * base) * 1e6) for one in pts])
    return segment, FrameBatch(np.stack(frames), np.array(pts), times)


def work(op: FrameOp, segment: Segment, batch: FrameBatch, late: Tables) -> Tables:
    session = op.start(make_unit([segment]), {}, FakeServices())
    session.feed(batch)
    return session.finish(late)


@pytest.mark.slow
@pytest.mark.assets
def test_the_bag_of_aboda_is_the_only_thing_left(assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(assets / "weights"))
    detect = Detect(DetectParams())
    model = ModelStore(tmp_path).resolve(ModelRequest("yolo11n_int8_openvino_model", "detect"))
    detect.open({DETECTOR: model}, 2)
    segment, looked = film_of(assets / "video" / "aboda_video4.avi", 3.0)
    late = work(detect, segment, looked, {})
    tables = work(Background(BackgroundParams()), segment, film_of(assets / "video" / "aboda_video4.avi", 2.0)[1], late)
    (region,) = regions(tables)
    assert edges_off(region, (452, 370, 508, 414)) <= 8
    assert 12.5 <= seconds(region["first_time"]) <= 20
    assert seconds(region["last_time"]) > 38
    background, unknown = pictures(tables)
    assert not unknown.any()
    people = late["detections"].filter(pc.greater(late["detections"]["confidence"], 0.6))
    assert set(people["label"].to_pylist()) >= {"person"}
    # The man walks over this paving: the background shows it, as the first frames do, before the man comes.
    empty = looked.frames[3:18:3].astype(int)
    paving = (slice(240, 420), slice(150, 400))
    assert np.median(np.abs(np.median(empty, axis=0)[paving] - background[paving])) <= 3
    assert tables["backgrounds"].schema == TABLES["backgrounds"].schema
