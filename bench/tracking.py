"""Tracking against its peer: Ultralytics' ByteTrack, by default settings, on the same detections of the same frames.

    python bench/tracking.py [--json] [--model NAME] [--segment-s 4 10 30]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets). Detections are the op ``detect``'s on every
frame, made once; then each tracker has them. Ours also runs with the footage cut into segments and linked again. Scores
follow MOT15, as published ones for these sequences do; ``forgiving`` does not count boxes on ignored people as false.
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

from ops.detect import Detect, DetectParams
from ops.link import Link, LinkParams
from ops.track import Track, TrackParams
from sample_site.evaluate import MotRows, evaluate, load_mot, rows_of
from schemas.op import DETECTOR, ModelRequest, Tables
from schemas.tables import TABLES
from schemas.values import FrameBatch, ModelFile, Segment
from storage.weights.catalogue import ModelStore
from tests.support.fakes import START, FakeServices, make_batch, make_segment, make_unit

ASSETS = Path(os.environ.get("NIGHTSHIFT_ASSETS", Path(__file__).resolve().parents[2] / "shared" / "assets"))
SCORES = ("hota", "deta", "assa", "mota", "idf1", "id_switches", "precision", "recall", "count_mae")


@dataclass(frozen=True)
class Sequence:
    """Footage with truth. ``scale`` takes the truth's pixels to the clip's; ``frames`` is where the truth ends."""

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
class Seen:
    """A sequence as the detector saw it: one segment, its tables, and the frame number of each PTS."""

    segment: Segment
    tables: Tables
    fps: float

    def frame(self, pts: pa.ChunkedArray) -> np.ndarray:
        """Frame numbers from 1, as MOT files count."""
        offset_s = (pts.to_numpy() - self.segment.start_pts) * float(self.segment.time_base)
        return np.round(offset_s * self.fps).astype(np.int64) + 1


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", default="yolo11n_int8_openvino_model")
    parser.add_argument("--segment-s", type=float, nargs="*", default=[4.0, 10.0, 30.0])
    arguments = parser.parse_args()
    if not ASSETS.is_dir():
        sys.exit(f"no real material at {ASSETS}: set NIGHTSHIFT_ASSETS")
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
    """Scores of the peer and of ours, whole and cut, and how ours compares."""
    truth = load_mot(ASSETS / "gt" / sequence.truth / "gt.txt", sequence.scale)
    seen = detect(sequence, model)
    theirs, peer_s = timed(lambda: peer(seen))
    mine, ours_s = timed(lambda: ours(seen, []))
    figures = {
        "peer": scores(truth, theirs) | {"tracking_fps": round(sequence.frames / peer_s, 1)},
        "ours": scores(truth, mine) | {"tracking_fps": round(sequence.frames / ours_s, 1)},
        "peer_forgiving": scores(truth, theirs, forgive_ignored=True),
        "ours_forgiving": scores(truth, mine, forgive_ignored=True),
    }
    duration_s = sequence.frames / seen.fps
    for length_s in lengths_s:
        if length_s < duration_s:
            cuts_s = np.arange(length_s, duration_s, length_s).tolist()
            figures[f"ours_cut_{length_s:g}s"] = scores(truth, ours(seen, cuts_s))
    figures["ratio"] = {
        name: round(figures["ours"][name] / figures["peer"][name], 3)
        for name in ("hota", "mota", "idf1", "tracking_fps")
    }
    return figures


def timed(work: Callable[[], MotRows]) -> tuple[MotRows, float]:
    """Result and seconds of the second of two runs: the first pays for imports."""
    work()
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def scores(truth: MotRows, results: MotRows, forgive_ignored: bool = False) -> dict[str, float]:
    """The scores that are printed, with four decimals."""
    found = asdict(evaluate(truth, results, forgive_ignored))
    return {name: round(found[name], 4) for name in SCORES}


def detect(sequence: Sequence, model: ModelFile) -> Seen:
    """Every frame of a sequence through the op ``detect``."""
    clip = ASSETS / "video" / sequence.clip
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 0)
        segment = make_segment(0, sequence.frames / fps, fps, (stream.width, stream.height))
    op = Detect(DetectParams(model=model.name))
    op.open({DETECTOR: model}, cpus=os.cpu_count() or 1)
    session = op.start(make_unit([segment]), {}, FakeServices())
    for batch in batches(clip, segment, sequence.frames, fps):
        session.feed(batch)
    tables = session.finish({})
    op.close()
    return Seen(segment, tables, fps)


def batches(clip: Path, segment: Segment, frames: int, fps: float, size: int = 32) -> Iterator[FrameBatch]:
    """The first frames of a clip."""
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


def ours(seen: Seen, cuts_s: list[float]) -> MotRows:
    """The ops ``track`` and ``link``, the footage cut at these times."""
    pieces = list(cut(seen, cuts_s))
    tracked = []
    for (segment, tables), after in zip(pieces, [*pieces[1:], None], strict=True):
        inputs = dict(tables) | ({} if after is None else {f"next.{name}": table for name, table in after[1].items()})
        tracked.append(Track(TrackParams()).run(make_unit([segment]), inputs, FakeServices()))
    day = {name: pa.concat_tables([tables[name] for tables in tracked]) for name in ("tracklets", "tracklet_points")}
    unit = make_unit([segment for segment, _ in pieces], unit="day")
    points = Link(LinkParams()).run(unit, day, FakeServices())["track_points"]
    points = points.filter(pc.equal(points["label"], "person"))
    identity = np.unique(points["track_id"].to_pylist(), return_inverse=True)[1]
    return rows_of(seen.frame(points["pts"]), identity, boxes_of(points))


def cut(seen: Seen, cuts_s: list[float]) -> Iterator[tuple[Segment, Tables]]:
    """The same detections as if the footage had been worked on in segments."""
    edges = [seen.segment.start, *(START + timedelta(seconds=at) for at in cuts_s), seen.segment.end]
    for index, (start, end) in enumerate(pairwise(edges)):
        name = make_segment(index).segment_id
        yield (
            replace(seen.segment, segment_id=name, index=index, start=start, end=end),
            {table: part(rows, name, start, end, table) for table, rows in seen.tables.items()},
        )


def part(rows: pa.Table, segment_id: str, start: object, end: object, table: str) -> pa.Table:
    """A table's rows of one segment."""
    times = rows["time"]
    first, last = (pa.scalar(each, times.type) for each in (start, end))
    chosen = rows.filter(pc.and_(pc.greater_equal(times, first), pc.less(times, last)))
    columns: Mapping[str, Any] = {name: chosen[name] for name in chosen.column_names}
    return TABLES[table].conform({**columns, "segment_id": [segment_id] * len(chosen)})


def peer(seen: Seen) -> MotRows:
    """Ultralytics' ByteTrack with the settings that come with it, on every frame."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers import BYTETracker
    from ultralytics.utils import YAML
    from ultralytics.utils.checks import check_yaml

    tracker = BYTETracker(SimpleNamespace(**YAML.load(check_yaml("bytetrack.yaml"))))
    tracker.reset_id()
    size = (seen.segment.height, seen.segment.width)
    detections = seen.tables["detections"].filter(pc.equal(seen.tables["detections"]["label"], "person"))
    frame = seen.frame(detections["pts"])
    rows = np.column_stack([boxes_of(detections), detections["confidence"].to_numpy(), np.zeros(len(frame))])
    tracked = [
        np.column_stack([np.full(len(found), number), found[:, 4], found[:, :4]])
        for number in range(1, seen.tables["observed_frames"].num_rows + 1)
        if len(found := np.reshape(tracker.update(Boxes(rows[frame == number].astype(np.float32), size)), (-1, 8)))
    ]
    every = np.concatenate(tracked)
    return rows_of(every[:, 0].astype(np.int64), every[:, 1].astype(np.int64), every[:, 2:].astype(np.float64))


def boxes_of(rows: pa.Table) -> np.ndarray:
    """``(N, 4)`` x1, y1, x2, y2."""
    return np.column_stack([rows[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(np.float64)


if __name__ == "__main__":
    main()
