"""Tracks are scored frame by frame against a labelled file, between their points too, and mistakes are named."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from jobs.commands.evaluate import Evaluation, EvaluationRequest, evaluate
from jobs.site import Site
from schemas.errors import SelectionError, UserError
from schemas.frame_boxes import FrameBoxes
from storage.box_files.formats import BoxFormat, write_boxes
from tests.jobs.labelled import CAMERA, FILM, FRAMES, film, put_tracks, scanned_site, walkers
from tests.support import damage
from tests.support.clips import uneven_pts, write_clip

LATER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return scanned_site(tmp_path / "site")


def score(site: Site, truth: FrameBoxes, form: BoxFormat = "mot", **changes: object) -> Evaluation:
    file = site.files.root / "truth.txt"
    write_boxes(truth, file, form, "person")
    return evaluate(site, replace(EvaluationRequest(CAMERA, file, leaks=False), **changes))


def some(boxes: FrameBoxes, every: int) -> FrameBoxes:
    return boxes.take((boxes.frame - 1) % every == 0)


@pytest.mark.parametrize("form", ["mot", "kitti"])
def test_tracks_that_are_the_truth_are_perfect(site: Site, form: BoxFormat) -> None:
    put_tracks(site, walkers())
    found = score(site, walkers(), form)
    assert (found.scores.hota, found.scores.mota, found.scores.idf1, found.scores.count_mae) == (1, 1, 1, 0)
    assert (found.frames, found.frames_left_out, found.true_boxes, found.ignored_boxes) == (30, 0, 60, 0)
    assert (found.footage, found.duration_s, found.forgiving) == (FILM, 2.9, None)
    first = 1 if form == "mot" else 0
    assert (found.first_frame, found.last_frame) == (first, first + FRAMES - 1)


def test_frames_between_looks_are_interpolated(site: Site) -> None:
    put_tracks(site, some(walkers(), 4))
    found = score(site, walkers(29))
    assert (found.scores.hota, found.scores.misses, found.frames) == (1, 0, 29)


def test_a_variable_frame_rate_is_interpolated_by_time(tmp_path: Path) -> None:
    pts = uneven_pts(29)
    site = scanned_site(tmp_path, make=lambda path: write_clip(path, pts))
    frame = np.arange(1, 30)
    left = 2.0 + np.array(pts) / 200  # a steady pace in time
    steady = FrameBoxes.of(frame, frame * 0 + 1, np.stack([left, left * 0 + 20, left + 12, left * 0 + 90], axis=1))
    put_tracks(site, some(steady, 4))
    assert score(site, steady).scores.hota == 1


def test_only_labelled_frames_count(site: Site) -> None:
    put_tracks(site, walkers())
    truth = walkers(20)
    truth = truth.take(truth.frame > 4)
    assert score(site, truth).scores.false_positives == 0
    found = score(site, truth, first_frame=1, last_frame=25)
    assert (found.frames, found.scores.false_positives) == (25, 2 * (4 + 5))
    assert score(site, truth, first_frame=10, last_frame=12).true_boxes == 6


def test_truth_of_a_part_begins_at_a_time(site: Site) -> None:
    put_tracks(site, walkers())
    later = walkers()
    later = later.take(later.frame > 10)
    found = score(site, replace(later, frame=later.frame - 10), start=datetime(2026, 3, 2, 10, 0, 1))
    assert (found.scores.hota, found.frames, found.first_frame, found.last_frame) == (1, 20, 1, 20)
    with pytest.raises(UserError, match=r"has frame 30, but .* ends before: it has 20 from --from on"):
        score(site, walkers(), start=datetime(2026, 3, 2, 10, 0, 1))


def test_truth_of_another_size_is_scaled(site: Site) -> None:
    put_tracks(site, walkers())
    large = walkers().scaled(4, 3)
    with pytest.raises(UserError, match=r"lie outside the 208 x 120 pixels .* give the size .* --truth-size"):
        score(site, large)
    assert score(site, large, truth_size=(832, 360)).scores.hota == 1
    with pytest.raises(UserError, match=r"they reach 600 x 300; .* as another --truth-size"):
        score(site, large, truth_size=(208, 120))


def test_rotated_footage_is_labelled_upright(tmp_path: Path) -> None:
    plain = film(tmp_path / "plain.mp4")
    site = scanned_site(tmp_path / "site", make=lambda path: damage.rotated(plain, path, 90))
    put_tracks(site, walkers(people=1))
    assert score(site, walkers(people=1).scaled(2, 2), truth_size=(240, 416)).scores.hota == 1


def test_ignored_people_are_no_misses_and_may_be_found(site: Site) -> None:
    put_tracks(site, walkers())
    truth = walkers()
    found = score(site, replace(truth, counts=truth.identity == 1))
    assert (found.true_boxes, found.ignored_boxes, found.scores.misses) == (30, 30, 0)
    assert found.scores.precision == 0.5
    assert found.forgiving is not None and found.forgiving.precision == found.forgiving.hota == 1


def test_other_labels_are_scored_on_their_own(site: Site) -> None:
    put_tracks(site, walkers(), label="car")
    assert score(site, walkers()).scores.hota == 0
    assert score(site, walkers(), label="car").scores.hota == 1


def test_leaks_are_of_people_only(site: Site) -> None:
    put_tracks(site, walkers(), label="car")
    assert score(site, walkers(), label="car", leaks=True).leaks is None
    found = score(site, walkers(), leaks=True).leaks
    assert found is not None and found.unknown == f"no anonymized video of {FILM} is published"


def test_nobody_found_is_a_score_and_one_frame_is_enough(site: Site) -> None:
    put_tracks(site, walkers().take(slice(0)))
    found = score(site, walkers(1)).scores
    assert (found.hota, found.mota, found.idf1, found.recall, found.tracks, found.count_mae) == (0, 0, 0, 0, 0, 2)


def test_two_runs_are_compared(site: Site) -> None:
    put_tracks(site, walkers(people=1), run_id="20261130T000000Z-0001")
    put_tracks(site, walkers(), run_id="20261201T000000Z-0002", committed=LATER)
    assert score(site, walkers()).scores.recall == 1
    assert score(site, walkers(), as_of="20261130T000000Z-0001").scores.recall == 0.5
    with pytest.raises(SelectionError, match="yesterday"):
        score(site, walkers(), as_of="yesterday")


def test_frames_that_nobody_looked_at_are_left_out_and_counted(site: Site) -> None:
    put_tracks(site, walkers(10), segments=slice(1))
    found = score(site, walkers())
    assert (found.frames, found.frames_left_out, found.scores.hota) == (10, 20, 1)


def test_a_segment_that_was_tracked_after_its_day_was_linked_is_not_known(site: Site) -> None:
    put_tracks(site, walkers(10), segments=slice(1), committed=LATER)
    put_tracks(site, walkers(10), segments=slice(1, 2), run_id="later", committed=LATER.replace(day=2))
    assert score(site, walkers()).frames == 20


def test_without_tracks_a_run_comes_first(site: Site) -> None:
    with pytest.raises(SelectionError, match=r"no person was looked for yet in .*: `nightshift run --camera door`"):
        score(site, walkers())


@pytest.mark.parametrize(
    ("truth", "changes", "message"),
    [
        (walkers(), {"camera": "attic"}, "there is no camera 'attic'; there are door"),
        (walkers(FRAMES + 1), {}, f"has frame 31, but {FILM} ends before: it has 30"),
        (walkers(), {"first_frame": 0}, "--first-frame 0: the first frame of this format is 1"),
        (walkers(), {"first_frame": 9, "last_frame": 3}, "has no box that counts in frames 9 to 3"),
        (walkers(), {"footage": "other.mp4"}, "door has no usable footage other.mp4"),
    ],
)
def test_mistakes_are_named(site: Site, truth: FrameBoxes, changes: dict[str, object], message: str) -> None:
    put_tracks(site, walkers())
    with pytest.raises(UserError, match=message):
        score(site, truth, **changes)
