"""What ``bench.interactions`` runs rules on: the film ``EVENTS``, and tables that the real ops make of it.

    film = build_film(folder, seed)
    inputs = made_inputs(folder, seed)
    Interactions(InteractionsParams()).run(inputs.unit, inputs.tables, FakeServices())

Both are kept in the folder: a second call reads them. ``made_inputs`` gives detections of a made-up detector
(``bench.interactions_detector``) to the real ops ``appearance``, ``background``, ``track``, ``link``, ``positions``,
``counts`` and ``statics``; ``python -m bench.interactions_material FOLDER [SEED]`` only makes them.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
import pyarrow as pa
import pyarrow.feather

from bench.interactions_detector import DetectorErrors, detect_truth
from ops.appearance import Appearance
from ops.background import Background
from ops.counts import Counts
from ops.link import Link
from ops.positions import Positions
from ops.statics import Statics
from ops.track import Track
from sample_site import EVENTS, SampleSite, SampleSpec, build_sample_site
from sample_site.truth import load_truth
from schemas.op import FrameOp, Neighbour, Op, TableOp
from schemas.tables import TABLES
from schemas.values import FrameBatch, Segment, Uint8, UnitContext
from storage.site.file import load_site
from storage.site.layers import load_features
from tests.ops.chain import asked_for
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

BATCH = 30
DAY_OPS: tuple[type[TableOp], ...] = (Link, Positions, Counts, Statics)
"""Ops of the camera's day that ``interactions`` needs, in their order."""

Tables = dict[str, pa.Table]
AnOp = TypeVar("AnOp", bound=Op)


@dataclass(frozen=True)
class Inputs:
    """All tables of a camera's day by name, and its unit.

    Attributes:
        seconds: CPU seconds by op.
    """

    unit: UnitContext
    tables: Tables
    seconds: dict[str, float]


def build_film(folder: Path, seed: int = 7, spec: SampleSpec = EVENTS) -> SampleSite:
    """Returns the film of a seed, as a site with its truth; builds it once."""
    root = folder / f"film-{seed}"
    if not (root / "truth" / "truth.json").is_file():
        build_sample_site(root, seed, spec=spec)
    return SampleSite(root, load_truth(root))


def made_inputs(folder: Path, seed: int = 7, spec: SampleSpec = EVENTS, errors: DetectorErrors | None = None) -> Inputs:
    """Returns the tables that ops make of a film and of a made-up detector's boxes; runs them once per folder and seed.

    Args:
        folder: keeps the film and the tables.
        seed: of the film and of the detector's errors.
        spec: of the film; another one needs another folder.
        errors: of the detector; others than the defaults need another folder.
    """
    site = build_film(folder, seed, spec)
    camera = spec.cameras[0].camera
    segments = film_segments(site, camera)
    kept = folder / f"tables-{seed}"
    view = load_site(site.root).config.camera_view(camera)
    unit = make_unit(segments, view, load_features(load_site(site.root)), unit="day")
    if not (kept / "seconds.json").is_file():
        detections = detect_truth(site.truth, camera, segments, seed, errors or DetectorErrors())
        tables, seconds = _run_ops(site, unit, detections)
        kept.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            pyarrow.feather.write_feather(table, kept / f"{name}.feather")
        (kept / "seconds.json").write_text(json.dumps(seconds))
    tables = {path.stem: pyarrow.feather.read_table(path) for path in sorted(kept.glob("*.feather"))}
    return Inputs(unit, tables, json.loads((kept / "seconds.json").read_text()))


def film_segments(site: SampleSite, camera: str) -> list[Segment]:
    """Returns the segments of a film's camera: the whole film as if it was one file."""
    config = load_site(site.root).config
    files = [file for file in site.truth.files if file.camera == camera]
    length_s = float(config.segment_s)
    count = round(sum(file.duration_s for file in files) / length_s)
    size_px = config.camera_view(camera).image_size_px or (0, 0)
    start = files[0].start_time.astimezone(UTC)
    return [make_segment(index, length_s, site.truth.fps, size_px, start, camera) for index in range(count)]


def film_frames(site: SampleSite, segments: list[Segment]) -> Iterator[tuple[Segment, Iterator[FrameBatch]]]:
    """Yields each segment with its frames, in batches; they are to be read before the next segment."""
    images = _images(site, segments[0].camera)
    for segment in segments:
        yield segment, _batches(images, segment, site.truth.fps)


def _images(site: SampleSite, camera: str) -> Iterator[Uint8]:
    for file in site.truth.files:
        if file.camera == camera:
            with av.open(str(site.root / "archive" / file.path)) as container:
                for frame in container.decode(video=0):
                    yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def _batches(images: Iterator[Uint8], segment: Segment, fps: int) -> Iterator[FrameBatch]:
    for first in range(0, segment.frames, BATCH):
        count = min(BATCH, segment.frames - first)
        yield make_batch(np.stack([next(images) for _ in range(count)]), segment, first, fps)


class _Day:
    """Runs ops on a camera's day, and keeps their tables by segment or day."""

    def __init__(self, unit: UnitContext) -> None:
        self.unit = unit
        self.seconds: dict[str, float] = {}
        self._given: dict[tuple[str, str], pa.Table] = {}

    def give(self, unit: str, tables: Tables) -> None:
        """Keeps the tables of a unit."""
        self._given |= {(name, unit): table for name, table in tables.items()}

    def rows(self, table: str) -> pa.Table:
        """Returns a table's rows of the whole day."""
        return self._of(table, [*(segment.segment_id for segment in self.unit.segments), self.unit.unit])

    def _of(self, table: str, units: list[str]) -> pa.Table:
        parts = [self._given[table, unit] for unit in units if (table, unit) in self._given]
        return TABLES[table].conform(pa.concat_tables(parts)) if parts else TABLES[table].empty()

    def _inputs(self, op: Op, unit: UnitContext) -> Tables:
        own = [segment.segment_id for segment in unit.segments]
        after = [each.segment_id for each in self.unit.segments if each.index == unit.segments[-1].index + 1]
        units = {Neighbour.SELF: [*own, self.unit.unit], Neighbour.NEXT: after}
        found = {}
        for read in op.spec.reads:
            table = self._of(read.table, units.get(read.neighbour, []))
            found[read.key] = table.select(list(read.columns)) if read.columns else table
        return found

    def run(self, op: TableOp, unit: UnitContext) -> None:
        """Runs an op on a unit."""
        inputs = self._inputs(op, unit)
        with _Timed(self.seconds, op.spec.name):
            tables = dict(op.run(unit, inputs, FakeServices()))
        self.give(unit.unit, tables)

    def film(self, ops: tuple[FrameOp, ...], unit: UnitContext, batches: Iterator[FrameBatch]) -> None:
        """Runs frame ops on a segment; their late inputs are its detections."""
        sessions = [(op, op.frame_need(unit), op.start(unit, {}, FakeServices())) for op in ops]
        for batch in batches:
            for op, need, session in sessions:
                if need is not None:
                    with _Timed(self.seconds, op.spec.name):
                        session.feed(asked_for(batch, need))
        for op, _, session in sessions:
            with _Timed(self.seconds, op.spec.name):
                tables = dict(session.finish(self._inputs(op, unit)))
            self.give(unit.unit, tables)


def _run_ops(site: SampleSite, unit: UnitContext, detections: dict[str, Tables]) -> tuple[Tables, dict[str, float]]:
    day = _Day(unit)
    for segment_id, tables in detections.items():
        day.give(segment_id, tables)
    frame_ops: tuple[FrameOp, ...] = (_default(Background), _default(Appearance))
    for segment, batches in film_frames(site, list(unit.segments)):
        day.film(frame_ops, make_unit([segment], unit.camera, unit.features), batches)
    for segment in unit.segments:
        day.run(_default(Track), make_unit([segment], unit.camera, unit.features))
    for kind in DAY_OPS:
        day.run(_default(kind), unit)
    kinds: tuple[type[Op], ...] = (Background, Track, *DAY_OPS)
    names = {table for kind in kinds for table in kind.spec.writes}
    kept = names | {"detections", "observed_frames"}
    return {name: day.rows(name) for name in sorted(kept)}, day.seconds


def _default(kind: type[AnOp]) -> AnOp:
    return kind(kind.spec.params())


class _Timed:
    """Adds the CPU seconds of a block to an op's."""

    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds, self._name = seconds, name

    def __enter__(self) -> None:
        self._started = time.process_time()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] = self._seconds.get(self._name, 0.0) + time.process_time() - self._started


if __name__ == "__main__":
    made = made_inputs(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    print({name: table.num_rows for name, table in made.tables.items()}, made.seconds)
