"""Leaks are true heads that the decoded published frames leave bare; what cannot be measured is said."""

import json
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest

from jobs.footage_frames import footage_frames
from jobs.published_leaks import PublishedLeaks, measure_leaks
from jobs.site import Site
from ops.anonymize.params import AnonymizeParams
from schemas.frame_boxes import FrameBoxes
from schemas.tables import TABLES
from storage.store.store import Store
from tests.jobs.labelled import CAMERA, DATE, FRAMES, scanned_site, walkers
from tests.storage.rows import make_rows, put_all
from tests.support.clips import TIME_BASE, numbered_frame, steady_pts

VIDEO = "anonymized/camera=door/published.mp4"
FLAT = {"mode": "solid", "colour": "#64748b", "colour_by": "none"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return scanned_site(tmp_path)


def cover(site: Site, covered: FrameBoxes, params: dict[str, str] | None = None, frames: int = FRAMES) -> Path:
    """Publishes the film with flat boxes over some people."""
    file = Path(site.files.store) / VIDEO
    file.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 208, 120, "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        for number, pts in enumerate(steady_pts(frames, 10), 1):
            image = numbered_frame(number - 1)
            for x1, y1, x2, y2 in covered.box[covered.frame == number].astype(int):
                image[y1:y2, x1:x2] = AnonymizeParams().bgr
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = pts, TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    publish(site, params or FLAT, sha256(file.read_bytes()).hexdigest())
    return file


def publish(site: Site, params: dict[str, str], digest: str = "0" * 64) -> None:
    """Commits the row of a published file."""
    rows = make_rows("anonymized", 1, CAMERA)
    (footage_id,) = [footage_frames(site, CAMERA).row["footage_id"]]
    known = {"footage_id": footage_id, "path": VIDEO, "sha256": digest, "params": json.dumps(params)}
    for name, value in known.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(name), pa.array([value], pa.string()))
    put_all(Store.open(site.files.store), "publish", {"anonymized": TABLES["anonymized"].conform(rows)}, footage_id,
            camera=CAMERA, date=DATE)  # fmt: skip


def leaks(site: Site, truth: FrameBoxes) -> PublishedLeaks:
    return measure_leaks(site, footage_frames(site, CAMERA), truth)


def test_heads_that_are_covered_do_not_leak(site: Site) -> None:
    cover(site, walkers())
    found = leaks(site, walkers())
    assert (found.unknown, found.video, found.frames_left_out) == (None, VIDEO, 0)
    assert found.scores is not None and (found.scores.frames, found.scores.heads, found.scores.tracks) == (30, 60, 2)
    assert (found.scores.head_leak, found.scores.head_leak_strict, found.scores.track_leaks) == (0, 0, 0)


def test_bare_heads_leak_in_the_frames_in_which_they_are_bare(site: Site) -> None:
    people = walkers()
    cover(site, people.take((people.identity == 1) | (people.frame > 6)))
    found = leaks(site, people).scores
    assert found is not None and (found.head_leak, found.track_leaks) == (6 / 60, 1)
    late = leaks(site, people.take(people.frame > 20)).scores
    assert late is not None and (late.frames, late.heads, late.head_leak) == (10, 20, 0)


def test_ignored_people_are_not_judged_and_a_covered_body_is_no_covered_head(site: Site) -> None:
    people = walkers()
    low = FrameBoxes.of(people.frame, people.identity, people.box + np.array([0, 30, 0, 0]))
    cover(site, low)
    found = leaks(site, FrameBoxes(people.frame, people.identity, people.box, people.identity == 2)).scores
    assert found is not None and (found.heads, found.head_leak, found.track_leaks) == (30, 1, 1)


def test_frames_that_are_not_published_are_left_out(site: Site) -> None:
    cover(site, walkers(), frames=12)
    found = leaks(site, walkers())
    assert found.frames_left_out == FRAMES - 12
    assert found.scores is not None and found.scores.frames == 12


def test_nothing_published_is_no_leak_rate(site: Site) -> None:
    found = leaks(site, walkers())
    assert found.scores is None and found.unknown is not None
    assert found.unknown.startswith("no anonymized video of door/")


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (FLAT | {"mode": "blur"}, "mode blur does not cover people in a flat colour"),
        (FLAT | {"mode": "remove"}, "mode remove does not cover"),
        (FLAT | {"colour_by": "track"}, "colour_by = 'track' covers people in many colours"),
        ({}, "mode unknown does not cover"),
    ],
)
def test_covers_that_no_colour_tells_are_not_measured(site: Site, params: dict[str, str], reason: str) -> None:
    publish(site, params)
    found = leaks(site, walkers())
    assert found.scores is None and found.unknown is not None and found.unknown.startswith(reason)


def test_a_file_that_was_altered_or_is_gone_is_not_measured(site: Site) -> None:
    file = cover(site, walkers())
    file.write_bytes(file.read_bytes() + b"x")
    assert leaks(site, walkers()).unknown == f"the published file {VIDEO} is altered"
    file.unlink()
    assert leaks(site, walkers()).unknown == f"the published file {VIDEO} is missing"
