"""Counts people for ``bench.identity``: on the sample site, and on clips whose people somebody counted by looking."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.identity_material import People, boxes_of, detect
from bench.identity_trackers import oracle, ours, peer
from bench.material import ASSETS
from jobs.commands.results import connect
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.footage_frames import FootageFrames, boxes_at_frames, footage_frames, tracked_numbers
from jobs.planning.graph import Selection
from jobs.site import open_site
from ops.tracking.scores import TrackScores, score_tracks
from sample_site import build_sample_site
from sample_site.comparison import compare
from sample_site.truth import load_truth
from schemas.values import ModelFile
from storage.sql.query import run_query
from storage.sql.text import quote_text

LOOKS_FPS = 10.0
"""Looks a second, as by default in a night."""

CLIPS = {
    "walkway": ("more/walkway.mp4", 6),
    "one by one": ("one-by-one-person-detection.mp4", 6),
    "aboda": ("aboda_video4.avi", 2),
    "pets, whole": ("pets09_s2l1_480x360.mp4", 19),
}
"""Clips without truth, and the visits of people that somebody who looked at them counted."""

SCORES = ("hota", "idf1", "mota", "count_mae")


def looked_clips(model: ModelFile) -> dict[str, dict[str, int]]:
    """Returns ids of people, ours and the peer's on the same looks, beside the number that somebody counted."""
    found = {}
    for name, (clip, visits) in CLIPS.items():
        detected = detect(ASSETS / "video" / clip, model, most_fps=LOOKS_FPS)
        ids, peer_ids = (len(np.unique(each.identity)) for each in (ours(detected), peer(detected.people())))
        found[name] = {"counted_by_looking": visits, "ids": ids, "peer_ids": peer_ids}
    return found


def sample_site(root: Path, seed: int) -> dict[str, Any]:
    """Builds and runs the sample site of a seed without weights, and scores it against its truth.

    Returns:
        ``sample``: sums of ids over cameras, and means over footage files of the other figures; ``sample_cameras``:
        ids of each camera.
    """
    build_sample_site(root, seed)
    site = open_site(root)
    run_site(site, Selection(ops=("site_tracks",)), RunOptions(workers=None))
    truth = load_truth(root)
    scored: list[tuple[TrackScores, TrackScores, TrackScores]] = []
    cameras = {}
    with closing(connect(site)) as connection:
        rows = compare(truth, connection)
        for camera in truth.cameras:
            people = rows.find(f"{camera}: people")
            cameras[camera] = {"ids": int(people.measured or 0), "true_ids": int(people.true)}
        for file in truth.files:
            footage = footage_frames(site, file.camera, file.path)
            true = truth.labelled_frames(file)
            scored_frames = tracked_numbers(connection, footage, np.arange(1, len(footage) + 1), "person")
            tracks = boxes_at_frames(connection, footage, "person", scored_frames)
            found = detected_people(connection, footage)
            scored.append(
                (score_tracks(true, tracks), score_tracks(true, oracle(found, true)), score_tracks(true, peer(found)))
            )
    means = {name: mean([getattr(mine, name) for mine, _, _ in scored]) for name in SCORES}
    site_people = rows.find("site: people")
    totals = {name: sum(each[name] for each in cameras.values()) for name in ("ids", "true_ids")}
    others = {"oracle_hota": mean([best.hota for _, best, _ in scored])}
    others |= {"peer_hota": mean([theirs.hota for *_, theirs in scored])}
    others |= {"site_tracks": int(site_people.measured or 0), "site_people": int(site_people.true)}
    return {"sample": means | totals | others, "sample_cameras": cameras}


def detected_people(connection: Any, footage: FootageFrames) -> People:
    """Returns the people that ``detect`` found in a footage file."""
    names = ", ".join(quote_text(segment.segment_id) for segment in footage.segments)
    condition = f"camera = {quote_text(footage.camera)} AND segment_id IN ({names})"
    rows = run_query(connection, f"FROM detections WHERE {condition} AND label = 'person' ORDER BY pts, detection")
    looks = run_query(connection, f"SELECT pts FROM observed_frames WHERE {condition} ORDER BY pts")
    fps = len(footage) / ((footage.time_us[-1] - footage.time_us[0]) / 1e6)

    def numbers(column: pa.ChunkedArray) -> Any:
        return np.searchsorted(footage.pts, column.to_numpy()) + 1

    confidence = rows["confidence"].to_numpy()
    return People(numbers(rows["pts"]), boxes_of(rows), confidence, numbers(looks["pts"]), footage.size_px, fps)


def mean(values: list[float]) -> float:
    """Returns a mean with four decimals."""
    return round(float(np.mean(values)), 4)
