"""Compares detection and tracks, and a whole night, with Ultralytics' tracker on every frame, and with decoding alone.

    python -m bench.tracks [--json] [--reel-s 300] [--footage busy sparse still]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets) and the test extra. The peer is Ultralytics'
``YOLO.track`` with ByteTrack on every frame, with the same weights, in the same run. All times are CPU seconds of this
process, every thread included, so that they hold on a busy machine; ours include opening the weights and the store.
*Still* is a reel of ``--reel-s`` seconds made of one camera's frames: nine tenths in which nothing changes, with the
camera's own noise, and a bag that is left behind. Tracks are scored against the truth where there is one, else against
our own on every frame (``skip_unchanged = false``), at the frames that both saw, with vehicles and bags as well.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.frame_pairs import read_frames
from bench.material import ASSETS, PEER_TRACKER, print_figures, require_assets, require_packages
from bench.pets import LAST_FRAME, TICKS_A_FRAME, pets_truth
from bench.real_clips import steady_times, write_frames
from bench.real_site import CLIPS, DETECTOR, build_real_site
from jobs.commands.results import query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import Site, open_site
from ops.detect.changes import changed, reduced
from ops.rate_bound import clustered_bound
from ops.tracking.scores import score_tracks
from schemas.frame_boxes import FrameBoxes
from schemas.values import Uint8

FOOTAGE = {"busy": ("pets",), "sparse": ("bag", "table", "carpark"), "still": ("reel",)}
"""Cameras by kind of footage."""

REEL_OF, REEL_FPS = "bag", 30
STILL_SHARE = 0.9

DRAWS, DRAWN_SHARE = 200, 0.1
"""Times that a sample is drawn, and the share of the frames in it, to see how often its bound holds."""


@dataclass(frozen=True)
class Run:
    """What a run of a site cost and gave: CPU seconds, tracks by ``pts``, and the ``pts`` that the detector saw."""

    tracks_s: float
    night_s: float
    points: pa.Table
    seen: set[int]


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--reel-s", type=float, default=300.0)
    parser.add_argument("--footage", nargs="*", choices=tuple(FOOTAGE), default=tuple(FOOTAGE))
    arguments = parser.parse_args()
    require_assets()
    require_packages(*PEER_TRACKER)
    figures: dict[str, dict[str, float]] = {"night": {}}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        for kind in arguments.footage:
            clips = [clip_of(camera, Path(folder), arguments.reel_s) for camera in FOOTAGE[kind]]
            figures[kind], figures["night"][f"{kind}_ratio_peer"] = measure(clips, Path(folder) / kind)
            figures[kind] |= missed_people(clips, Path(folder) / f"{kind}-sample")
    print_figures(figures, arguments.json)


def measure(clips: list[tuple[str, Path]], folder: Path) -> tuple[dict[str, float], float]:
    """Returns the figures of one kind of footage, and the ratio of a night's speed to the peer's."""
    frames = decode_s = peer_s = tracks_s = night_s = 0.0
    hota: list[float] = []
    hota_peer: list[float] = []
    for camera, clip in clips:
        count, seconds = timed(lambda clip=clip: sum(1 for _ in read_frames(clip)))  # type: ignore[misc]
        frames, decode_s = frames + count, decode_s + seconds
        theirs, seconds = peer(clip)
        peer_s += seconds
        ours = run(camera, clip, folder / camera)
        tracks_s, night_s = tracks_s + ours.tracks_s, night_s + ours.night_s
        if camera == "pets":
            people = ours.points.filter(pc.equal(ours.points["label"], "person"))
            rows = mot_rows(people, {number * TICKS_A_FRAME: number + 1 for number in range(LAST_FRAME)})
            hota.append(score_tracks(pets_truth(ASSETS), rows).hota)
            hota_peer.append(score_tracks(pets_truth(ASSETS), theirs).hota)
        else:
            reference = run(camera, clip, folder / f"{camera}-reference", "skip_unchanged = false\nfps = 60.0", False)
            both = {pts: number for number, pts in enumerate(sorted(ours.seen & reference.seen), 1)}
            hota.append(score_tracks(mot_rows(reference.points, both), mot_rows(ours.points, both)).hota)
    figures = {
        "frames": frames,
        "fps": frames / tracks_s,
        "fps_peer": frames / peer_s,
        "ratio_peer": peer_s / tracks_s,
        "ratio_decode": tracks_s / decode_s,
        "night_ratio_decode": night_s / decode_s,
        "hota": float(np.mean(hota)),
    }
    if hota_peer:
        figures["hota_peer"] = float(np.mean(hota_peer))
    return {name: round(value, 3) for name, value in figures.items()}, round(peer_s / night_s, 3)


def missed_people(clips: list[tuple[str, Path]], folder: Path) -> dict[str, float]:
    """Looks at all frames in full as well, and returns whom the others miss, and how often the bound of samples holds.

    It holds if it is at least the share of all frames' people who are missed.
    """
    people: list[int] = []
    missed: list[int] = []
    for camera, clip in clips:
        root = folder / camera
        run(camera, clip, root, "sample_share = 1.0", night=False)
        rows = query(open_site(root), "SELECT people, missed FROM detector_samples")
        people, missed = people + rows["people"].to_pylist(), missed + rows["missed"].to_pylist()
    if not sum(people):
        return {"people": 0.0}
    sizes, lost, random = np.array(people), np.array(missed), np.random.default_rng(0)
    held = 0
    for _ in range(DRAWS):
        drawn = random.random(len(sizes)) < DRAWN_SHARE
        bound = clustered_bound(sizes[drawn].tolist(), int(lost[drawn].sum()))
        held += bound is None or bound >= lost.sum() / sizes.sum()
    return {
        "people": float(sizes.sum()),
        "missed_share": round(float(lost.sum() / sizes.sum()), 5),
        "audit_bound_holds": held / DRAWS,
    }


def clip_of(camera: str, folder: Path, reel_s: float) -> tuple[str, Path]:
    """Returns a camera with its clip; the reel is made here."""
    if camera in CLIPS:
        return camera, ASSETS / "video" / CLIPS[camera][0]
    source = [frame.image for frame in read_frames(ASSETS / "video" / CLIPS[REEL_OF][0])]
    first, last = stillest(source)
    still, count = source[first:last], round(reel_s * REEL_FPS)
    # There and back again, so that no frame jumps.
    turns = chain.from_iterable(iter(lambda: [*still, *still[::-1]], None))
    lively = min(round((1 - STILL_SHARE) * count), len(source))
    middle = (len(source) - lively) // 2  # the clip begins with an empty view
    frames = chain(islice(turns, count - lively), source[middle : middle + lively])
    return REEL_OF, write_frames(folder / "reel.mp4", frames, steady_times(count, REEL_FPS), keyframe_every=60)


def stillest(frames: list[Uint8]) -> tuple[int, int]:
    """Returns the longest stretch of frames that show the same as its first: number of the first, and past the last."""
    pictures, best, first = [reduced(frame) for frame in frames], (0, 1), 0
    for number in range(1, len(pictures)):
        if changed(pictures[number], pictures[first]).any():
            first = number
        if number + 1 - first > best[1] - best[0]:
            best = (first, number + 1)
    return best


def timed(work: Callable[[], int]) -> tuple[int, float]:
    """Returns a result, and the CPU seconds that it took."""
    started = time.process_time()
    return work(), time.process_time() - started


def peer(clip: Path) -> tuple[FrameBoxes, float]:
    """Runs Ultralytics with ByteTrack on every frame; returns its people and CPU seconds."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    from ultralytics.models import YOLO

    model = YOLO(ASSETS / "weights" / DETECTOR, task="detect")
    boxes: list[list[float]] = []
    names: list[tuple[int, int]] = []
    started = time.process_time()
    results = model.track(clip, stream=True, tracker="bytetrack.yaml", classes=[0], verbose=False)
    for frame, result in enumerate(results, 1):
        found = result.boxes
        if found is not None and found.id is not None:
            names += [(frame, int(identity)) for identity in found.id]
            boxes += np.asarray(found.xyxy).tolist()
    seconds = time.process_time() - started
    frame_ids = np.array(names, np.int64).reshape(-1, 2)
    rows = FrameBoxes.of(frame_ids[:, 0], frame_ids[:, 1], np.array(boxes, np.float64).reshape(-1, 4))
    return rows.take(rows.frame <= LAST_FRAME), seconds


def run(camera: str, clip: Path, root: Path, detect: str = "", night: bool = True) -> Run:
    """Runs sites of one clip in this process: one up to tracks, and another a whole night, as a night is run."""
    site = site_of(camera, clip, root, detect)
    tracks_s = cost(site, Selection(ops=("link",)))
    night_s = cost(site_of(camera, clip, root.with_name(f"{root.name}-night"), detect), Selection()) if night else 0.0
    points = query(site, "SELECT pts, track_id, label, x1, y1, x2, y2 FROM track_points")
    seen = query(site, "SELECT pts FROM observed_frames")["pts"].to_pylist()
    return Run(tracks_s, night_s, points, set(seen))


def site_of(camera: str, clip: Path, root: Path, detect: str) -> Site:
    """Returns a new site of one clip, with parameters of ``detect`` as in site.toml."""
    build_real_site(root, ASSETS, (camera,))
    (kept,) = (root / "archive" / camera).iterdir()
    shutil.copyfile(clip, kept.with_suffix(clip.suffix))
    if kept.suffix != clip.suffix:
        kept.unlink()
    if detect:
        with (root / "site.toml").open("a") as file:
            file.write(f"\n[ops.detect]\n{detect}\n")
    return open_site(root)


def cost(site: Site, selection: Selection) -> float:
    """Runs ops in this process, and returns CPU seconds."""
    started = time.process_time()
    summary = run_site(site, selection, RunOptions(workers=None))
    if summary.record.units_quarantined:
        sys.exit(
            f"{summary.record.units_quarantined} units are in quarantine; see `nightshift status` of {site.files.root}"
        )
    return time.process_time() - started


def mot_rows(points: pa.Table, frames: dict[int, int]) -> FrameBoxes:
    """Returns the points at some frames as rows.

    Args:
        frames: number of the frame, from 1, by ``pts``.
    """
    chosen = np.array([pts in frames for pts in points["pts"].to_pylist()], bool)
    kept = points.filter(pa.array(chosen))
    identity = np.unique(np.array(kept["track_id"].to_pylist(), str), return_inverse=True)[1]
    boxes = np.column_stack([kept[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(np.float64)
    numbers = np.array([frames[pts] for pts in kept["pts"].to_pylist()], np.int64)
    return FrameBoxes.of(numbers, np.asarray(identity, np.int64), boxes.reshape(-1, 4))


if __name__ == "__main__":
    main()
