"""Compares our tracker with Ultralytics' ByteTrack, at its default settings, on the same detections.

    python -m bench.tracking [--json] [--model NAME] [--segment-s 4 10 30]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets) and the test extra. The op ``detect`` runs once
on every frame; both trackers get its detections. Ours also runs with the footage cut into segments and linked again.
Scores follow MOT15, as published ones for these sequences do; ``forgiving`` leaves out boxes on ignored people.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.optimize import linear_sum_assignment

from bench.material import ASSETS, PEER_TRACKER, require_assets, require_packages
from ops.appearance import WIDTH_PX, Appearance, AppearanceParams
from ops.boxes import iou_matrix
from ops.detect import Detect, DetectParams
from ops.link import Link, LinkParams
from ops.pictures import downscale
from ops.track import Track, TrackParams
from ops.tracking.scores import score_tracks
from schemas.frame_boxes import FrameBoxes
from schemas.op import DETECTOR, ModelRequest, Tables
from schemas.tables import TABLES
from schemas.values import FrameBatch, ModelFile, Segment, Uint8
from storage.box_files.mot import read_mot
from storage.machine import usable_cpus
from storage.weights.catalogue import ModelStore
from tests.support.fakes import START, FakeServices, make_batch, make_segment, make_unit

CUT_TABLES = ("detections", "observed_frames", "appearances")
"""What the tracker reads of each segment."""

SAME_IOU = 0.5
"""Least intersection over union of a detection with the true box of the person whom it shows."""

SCORES = ("hota", "deta", "assa", "mota", "idf1", "id_switches", "precision", "recall", "count_mae")


@dataclass(frozen=True)
class Sequence:
    """Footage with truth. ``scale`` converts the truth's pixels to the clip's; the truth ends after ``frames``."""

    name: str
    clip: str
    truth: str
    scale: float
    frames: int


SEQUENCES = (
    Sequence("pets", "pets09_s2l1_480x360.mp4", "PETS09-S2L1", 0.625, 400),
    Sequence("tud_campus", "TUD-Campus.mp4", "TUD-Campus", 1.0, 71),
)


@dataclass(frozen=True)
class DetectedSequence:
    """A sequence's detections: one segment and its tables."""

    segment: Segment
    tables: Tables
    fps: float

    def frame(self, pts: pa.ChunkedArray) -> np.ndarray:
        """Returns frame numbers from 1, as in MOT files."""
        offset_s = (pts.to_numpy() - self.segment.start_pts) * float(self.segment.time_base)
        return np.asarray(np.round(offset_s * self.fps), np.int64) + 1


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", default="yolo11n_int8_openvino_model")
    parser.add_argument("--segment-s", type=float, nargs="*", default=[4.0, 10.0, 30.0])
    arguments = parser.parse_args()
    require_assets()
    require_packages(*PEER_TRACKER)
    model = ModelStore(ASSETS / "weights").resolve(ModelRequest(arguments.model, "detect"))
    if model is None:
        sys.exit(f"no weights named {arguments.model} in {ASSETS / 'weights'}")
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the figures; Ultralytics greets there
        figures = {each.name: measure(each, model, arguments.segment_s) for each in SEQUENCES}
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, groups in figures.items():
        for group, values in groups.items():
            print(f"{name:<11} {group:<16}", " ".join(f"{key} {value:g}" for key, value in values.items()))


def measure(sequence: Sequence, model: ModelFile, lengths_s: list[float]) -> dict[str, dict[str, float]]:
    """Scores the peer, ours with whole and cut footage, and perfect association; also ours to the peer's."""
    truth = read_mot(ASSETS / "gt" / sequence.truth / "gt.txt").scaled(sequence.scale, sequence.scale)
    detected = detect(sequence, model)
    theirs, peer_s = timed(lambda: peer(detected))
    mine, ours_s = timed(lambda: ours(detected, []))
    figures = {
        "peer": scores(truth, theirs) | {"tracking_fps": round(sequence.frames / peer_s, 1)},
        "ours": scores(truth, mine) | {"tracking_fps": round(sequence.frames / ours_s, 1)},
        "oracle": scores(truth, oracle(detected, truth)),
        "peer_forgiving": scores(truth, theirs, forgive_ignored=True),
        "ours_forgiving": scores(truth, mine, forgive_ignored=True),
    }
    duration_s = sequence.frames / detected.fps
    for length_s in lengths_s:
        if length_s < duration_s:
            cuts_s = np.arange(length_s, duration_s, length_s).tolist()
            figures[f"ours_cut_{length_s:g}s"] = scores(truth, ours(detected, cuts_s))
    figures["ratio"] = {
        name: round(figures["ours"][name] / figures["peer"][name], 3)
        for name in ("hota", "mota", "idf1", "tracking_fps")
    }
    return figures


def timed(work: Callable[[], FrameBoxes]) -> tuple[FrameBoxes, float]:
    """Returns result and seconds of the second of two calls: the first one includes imports."""
    work()
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def scores(truth: FrameBoxes, results: FrameBoxes, forgive_ignored: bool = False) -> dict[str, float]:
    """Returns the printed scores, with four decimals."""
    found = asdict(score_tracks(truth, results, forgive_ignored))
    return {name: round(found[name], 4) for name in SCORES}


def detect(sequence: Sequence, model: ModelFile) -> DetectedSequence:
    """Runs the op ``detect`` on every frame of a sequence, and ``appearance`` on those that it samples."""
    clip = ASSETS / "video" / sequence.clip
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 0)
        segment = make_segment(0, sequence.frames / fps, fps, (stream.width, stream.height))
    op = Detect(DetectParams(model=model.name))
    op.open({DETECTOR: model}, cpus=usable_cpus())
    session = op.start(make_unit([segment]), {}, FakeServices())
    looks = Appearance(AppearanceParams())
    colours = looks.start(make_unit([segment]), {}, FakeServices())
    every = max(1, round(fps / looks.params.fps))
    for batch in batches(clip, segment, sequence.frames, fps):
        session.feed(batch)
        sampled = batch.frames[np.arange(len(batch)) % every == 0]
        rows = slice(0, len(batch), every)
        colours.feed(FrameBatch(small(sampled), batch.pts[rows], batch.times_us[rows]))
    tables = dict(session.finish({}))
    op.close()
    tables |= colours.finish(tables)
    return DetectedSequence(segment, {name: tables[name] for name in CUT_TABLES}, fps)


def small(frames: Uint8) -> Uint8:
    """Returns frames ``(N, H, W, 3)`` as wide as ``appearance`` gets them."""
    height, width = frames.shape[1:3]
    if width <= WIDTH_PX:
        return frames
    size = (WIDTH_PX, round(height * WIDTH_PX / width))
    return np.stack([downscale(frame, size) for frame in frames])


def batches(clip: Path, segment: Segment, frames: int, fps: float, size: int = 32) -> Iterator[FrameBatch]:
    """Reads the first frames of a clip."""
    with av.open(str(clip)) as container:
        kept: list[np.ndarray] = []
        for number, frame in enumerate(container.decode(video=0)):
            if number == frames:
                break
            kept.append(frame.to_ndarray(format="bgr24"))
            if len(kept) == size:
                yield make_batch(np.stack(kept), segment, number + 1 - size, fps)
                kept = []
        if kept:
            yield make_batch(np.stack(kept), segment, min(number + 1, frames) - len(kept), fps)


def ours(detected: DetectedSequence, cuts_s: list[float]) -> FrameBoxes:
    """Runs the ops ``track`` and ``link``, with the footage cut at these times."""
    pieces = list(cut(detected, cuts_s))
    tracked = []
    for (segment, tables), after in zip(pieces, [*pieces[1:], None], strict=True):
        inputs = dict(tables) | ({} if after is None else {f"next.{name}": table for name, table in after[1].items()})
        tracked.append(Track(TrackParams()).run(make_unit([segment]), inputs, FakeServices()))
    day = {name: pa.concat_tables([tables[name] for tables in tracked]) for name in ("tracklets", "tracklet_points")}
    unit = make_unit([segment for segment, _ in pieces], unit="day")
    points = Link(LinkParams()).run(unit, day, FakeServices())["track_points"]
    points = points.filter(pc.equal(points["label"], "person"))
    identity = np.unique(points["track_id"].to_pylist(), return_inverse=True)[1]
    return FrameBoxes.of(detected.frame(points["pts"]), identity, boxes_of(points))


def cut(detected: DetectedSequence, cuts_s: list[float]) -> Iterator[tuple[Segment, Tables]]:
    """Splits the detections at the cuts, as if the footage had these segments."""
    edges = [detected.segment.start, *(START + timedelta(seconds=at) for at in cuts_s), detected.segment.end]
    for index, (start, end) in enumerate(pairwise(edges)):
        name = make_segment(index).segment_id
        yield (
            replace(detected.segment, segment_id=name, index=index, start=start, end=end),
            {table: part(detected.tables[table], name, start, end, table) for table in CUT_TABLES},
        )


def part(rows: pa.Table, segment_id: str, start: object, end: object, table: str) -> pa.Table:
    """Returns a table's rows of one segment."""
    times = rows["time"]
    first, last = (pa.scalar(each, times.type) for each in (start, end))
    chosen = rows.filter(pc.and_(pc.greater_equal(times, first), pc.less(times, last)))
    columns: Mapping[str, Any] = {name: chosen[name] for name in chosen.column_names}
    return TABLES[table].conform({**columns, "segment_id": [segment_id] * len(chosen)})


def peer(detected: DetectedSequence) -> FrameBoxes:
    """Runs Ultralytics' ByteTrack with its own settings on every frame."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers import BYTETracker
    from ultralytics.utils import YAML
    from ultralytics.utils.checks import check_yaml

    settings = SimpleNamespace(**YAML.load(check_yaml("bytetrack.yaml")))  # type: ignore[no-untyped-call]
    tracker = BYTETracker(settings)  # type: ignore[no-untyped-call]
    tracker.reset_id()  # type: ignore[no-untyped-call]
    size = (detected.segment.height, detected.segment.width)
    detections = detected.tables["detections"].filter(pc.equal(detected.tables["detections"]["label"], "person"))
    frame = detected.frame(detections["pts"])
    rows = np.column_stack([boxes_of(detections), detections["confidence"].to_numpy(), np.zeros(len(frame))])
    tracked = [
        np.column_stack([np.full(len(found), number), found[:, 4], found[:, :4]])
        for number in range(1, detected.tables["observed_frames"].num_rows + 1)
        if len(found := np.reshape(tracker.update(Boxes(rows[frame == number].astype(np.float32), size)), (-1, 8)))
    ]
    every = np.concatenate(tracked)
    return FrameBoxes.of(every[:, 0].astype(np.int64), every[:, 1].astype(np.int64), every[:, 2:].astype(np.float64))


def oracle(detected: DetectedSequence, truth: FrameBoxes) -> FrameBoxes:
    """Returns the detections that show somebody, each with the identity that the truth gives.

    What no tracker can exceed on these detections, but by boxes that were not detected.
    """
    people = detected.tables["detections"].filter(pc.equal(detected.tables["detections"]["label"], "person"))
    frame, boxes = detected.frame(people["pts"]), boxes_of(people)
    rows: list[int] = []
    identity: list[int] = []
    for number in np.unique(frame):
        (found,), (known,) = np.nonzero(frame == number), np.nonzero(truth.frame == number)
        overlap = iou_matrix(np.asarray(boxes[found], np.float64), truth.box[known])
        for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
            if overlap[row, column] >= SAME_IOU:
                rows.append(int(found[row]))
                identity.append(int(truth.identity[known[column]]))
    return FrameBoxes.of(frame[rows], np.array(identity, np.int64), boxes[rows])


def boxes_of(rows: pa.Table) -> np.ndarray:
    """Returns boxes ``(N, 4)`` x1, y1, x2, y2."""
    return np.column_stack([rows[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(np.float64)


if __name__ == "__main__":
    main()
