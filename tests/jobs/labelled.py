"""A site whose footage and tracks are known to the frame, without a run: clips are scanned, tracks are written."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from jobs.commands.scan import scan_archive
from jobs.footage_frames import footage_frames
from jobs.site import Site, open_site
from schemas.frame_boxes import FrameBoxes
from schemas.tables import TABLES
from storage.store.store import Store
from tests.storage.rows import put_all
from tests.support.clips import steady_pts, write_clip

CAMERA, DATE = "door", "2026-03-02"
FILM = f"{CAMERA}/{DATE}T10-00-00.mp4"
FRAMES = 30
SITE = f"""
name = "test"
crs = "EPSG:28992"
timezone = "Europe/Amsterdam"
segment_s = 1
settle_s = 0
[[cameras]]
id = "{CAMERA}"
"""

MakeFilm = Callable[[Path], Path]


def film(path: Path) -> Path:
    """Writes 30 frames of 208 x 120 pixels at 10 a second."""
    return write_clip(path, steady_pts(FRAMES, 10), keyframe_every=10)


def films(path: Path) -> Path:
    """Writes the same with keyframes that depend on the name: files of equal content are copies of one."""
    return write_clip(path, steady_pts(FRAMES, 10), keyframe_every=10 + int(path.stem[-1]))


def scanned_site(root: Path, names: Sequence[str] = (FILM,), make: MakeFilm = film) -> Site:
    """Builds a site with these files, and scans it."""
    for name in names:
        (root / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
        make(root / "archive" / name)
    (root / "site.toml").write_text(SITE)
    site = open_site(root)
    scan_archive(site)
    return open_site(root)


def walkers(frames: int = FRAMES, people: int = 2) -> FrameBoxes:
    """Returns people who walk to the right, 2 px a frame, 60 px apart."""
    frame, identity = (each.ravel() for each in np.mgrid[1 : frames + 1, 1 : people + 1])
    left = 60.0 * (identity - 1) + 2.0 * frame
    return FrameBoxes.of(frame, identity, np.stack([left, 0 * left + 20, left + 30, 0 * left + 100], axis=1))


def put_tracks(
    site: Site,
    boxes: FrameBoxes,
    path: str = FILM,
    label: str = "person",
    run_id: str = "run",
    committed: datetime = datetime(2026, 11, 30, tzinfo=UTC),
    segments: slice = slice(None),
) -> None:
    """Commits boxes as the tracks of a day, and its segments as tracked; the id of a track ends in its identity."""
    store = Store.open(site.files.store)
    frames = footage_frames(site, CAMERA, path)
    at = boxes.frame - 1
    sides = {name: boxes.box[:, i].tolist() for i, name in enumerate(("x1", "y1", "x2", "y2"))}
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    points = TABLES["track_points"].conform(
        {
            "camera": [CAMERA] * len(boxes),
            "track_id": [f"t{identity:03d}" for identity in boxes.identity],
            "time": [epoch + timedelta(microseconds=us) for us in frames.time_us[at].tolist()],
            "pts": frames.pts[at].tolist(),
            "segment_id": ["s"] * len(boxes),
            "label": [label] * len(boxes),
            **sides,
            "confidence": [0.9] * len(boxes),
            "state": ["observed"] * len(boxes),
        }
    )
    for name in [segment.segment_id for segment in frames.segments[segments]]:
        put_all(store, "track", {}, name, f"{run_id}-{name}", CAMERA, DATE, committed, run_id)
    put_all(store, "link", {"track_points": points}, "day", f"{run_id}-day", CAMERA, DATE, committed, run_id)


def put_interactions(site: Site, found: Sequence[tuple[str, float, float, float]], run_id: str = "run") -> None:
    """Commits interactions of a day, each a verb, its start and end in seconds after 10:00 local time, and a score."""
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    count = len(found)
    rows = {
        "camera": [CAMERA] * count,
        "interaction_id": [f"i{number:03d}" for number in range(count)],
        "verb": [verb for verb, *_ in found],
        "start_time": [start + timedelta(seconds=begin_s) for _, begin_s, _, _ in found],
        "end_time": [start + timedelta(seconds=end_s) for _, _, end_s, _ in found],
        "score": [score for *_, score in found],
    }
    schema = TABLES["interactions"].schema
    rest = {field.name: [None if field.nullable else "?"] * count for field in schema if field.name not in rows}
    table = TABLES["interactions"].conform(rows | rest)
    committed = datetime(2026, 11, 30, 1, tzinfo=UTC)
    store = Store.open(site.files.store)
    put_all(store, "interactions", {"interactions": table}, "day", f"{run_id}-i", CAMERA, DATE, committed, run_id)
