"""What was left in a view or taken from it is found, and nothing else is."""

from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow.compute as pc
import pytest

from ops.background import Background, BackgroundParams
from ops.detect import Detect, DetectParams
from schemas.op import DETECTOR, FrameOp, ModelRequest, Tables
from schemas.tables import TABLES
from schemas.values import FrameBatch, Segment, Uint8
from storage.weights.catalogue import ModelStore
from tests.ops.people import BAG, FPS, TimedBox, pictures, run, walk
from tests.ops.walkabout import Draw, box_at, film, thing, walker
from tests.support.fakes import FakeServices, make_segment, make_unit


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


def test_a_region_says_whether_something_came_or_was_taken() -> None:
    left, taken = thing(BAG, (220, 220, 230), first=30), thing((40, 60, 60, 80), (20, 20, 200), last=30)
    by_box = {row["x1"] > 100: row for row in regions(run(film(80, [left, taken])))}
    assert by_box[True]["appeared"] > 0.7 and by_box[False]["appeared"] < 0.3
    mask = cv2.imdecode(np.frombuffer(by_box[True]["mask_png"], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert mask.shape == pytest.approx((20, 24), abs=2) and (mask == 255).mean() > 0.9


def test_what_comes_in_the_last_seconds_is_a_short_region() -> None:
    (region,) = regions(run(film(80, [thing(BAG, (220, 220, 230), first=70)])))
    assert (region["short"], seconds(region["first_time"])) == (True, 35.0)
    (long,) = regions(run(film(80, [thing(BAG, (220, 220, 230), first=40)])))
    assert long["short"] is False


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
    assert regions(run(film(80, [], np.linspace(0.75, 1.2, 80)))) == []
    light = np.where(np.arange(80) < 40, 1.0, 0.75)
    assert regions(run(film(80, [], light))) == []


@pytest.mark.slow
def test_a_soft_patch_of_light_is_nothing() -> None:
    y, x = np.mgrid[:240, :320]
    glow = 1 + 0.4 * np.exp(-((x - 200) ** 2 + (y - 120) ** 2) / (2 * 30**2))

    def sun(picture: Uint8, number: int) -> None:
        if number >= 40:
            picture[:] = np.clip(picture * glow[:, :, None], 0, 255)

    assert regions(run(film(80, [sun]))) == []


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
    detect = Detect(DetectParams(tiles=False))
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
