"""Many short segments with two small ops and real decoding, for runs whose workers and machines are lost.

Faults come from test doubles in the worker's process: the op ``Look`` puts a decoder in the place of the real one that
hangs, or kills its process, where a file in the folder ``faults`` says so. Each such file counts for one fault.
"""

import ctypes
import os
import secrets
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from jobs.engine import worker
from jobs.engine.tasks import WorkerSetup
from jobs.planning.configure import ReadyOp, ReadySite
from jobs.planning.graph import Selection
from jobs.planning.ledger import Ledger
from jobs.planning.plan import Plan, make_plan
from schemas.op import FrameNeed, FrameOp, FrameSession, Models, OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.site import SiteConfig
from schemas.tables import TABLES
from schemas.values import FrameBatch, Receipt, Segment, UnitContext, UnitFile
from storage.site.file import SiteFiles
from storage.store.receipts import receipts_from_rows
from storage.store.store import Store
from storage.video.reader import SegmentReader
from tests.support.clips import steady_pts, write_clip
from tests.support.fakes import make_segment, segment_columns

FPS, FRAMES = 10, 8
CAMERAS = 4
HANG, KILL = "hang", "kill"


@dataclass(frozen=True)
class Faults:
    """Parameters of ``Look``: where the files are that ask for faults."""

    folder: str = field(default="", metadata={"doc": "folder of faults"})


class FaultyReader(SegmentReader):
    """A decoder that hangs or kills its process once per file that asks for it."""

    folder = Path()

    def __iter__(self) -> Iterator[tuple[int, FrameBatch]]:
        if take_fault(self.folder, HANG, self._segment.segment_id):
            ctypes.PyDLL(None).sleep(3600)  # in C, with the interpreter's lock held: as hard as a hang can be
        if take_fault(self.folder, KILL, self._segment.segment_id):
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().__iter__()


class Look(FrameOp):
    """Writes one row per frame: its brightness."""

    spec = OpSpec("look", 1, "look", Scope.SEGMENT, (), ("detector_samples",), Faults)

    def open(self, models: Models, cpus: int) -> None:
        """Puts the faulty decoder in place."""
        FaultyReader.folder = Path(self.params.folder)
        setattr(worker, "SegmentReader", FaultyReader)  # noqa: B010  the worker's module has imported it by name

    def frame_need(self, unit: UnitContext) -> FrameNeed:
        """Asks for every frame."""
        return FrameNeed()

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:
        """Starts with no rows."""
        return _LookSession(unit)


class _LookSession(FrameSession):
    def __init__(self, unit: UnitContext) -> None:
        self._unit = unit
        self._rows: list[tuple[int, int, int]] = []

    def feed(self, batch: FrameBatch) -> None:
        for image, pts, time_us in zip(batch.frames, batch.pts, batch.times_us, strict=True):
            self._rows.append((int(pts), int(time_us), int(image.mean())))

    def finish(self, late: Tables) -> Tables:
        pts, times, people = zip(*self._rows, strict=True)
        spec = TABLES["detector_samples"]
        camera, unit = self._unit.camera.camera, self._unit.unit
        same = {"camera": [camera] * len(pts), "segment_id": [unit] * len(pts), "missed": [0] * len(pts)}
        time = pa.array(times, pa.int64()).cast(spec.schema.field("time").type)
        return {"detector_samples": spec.conform({**same, "time": time, "pts": list(pts), "people": list(people)})}


class Sum(TableOp):
    """Writes one row per segment: the sum of its frames' brightness."""

    spec = OpSpec("sum", 1, "sum", Scope.SEGMENT, (Read("detector_samples"),), ("review_frames",), Faults)

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Adds up."""
        frames = inputs["detector_samples"]
        spec = TABLES["review_frames"]
        columns = {
            "camera": [unit.camera.camera],
            "segment_id": [unit.unit],
            "time": frames["time"][:1],
            "pts": [0],
            "risk": [float(sum(frames["people"].to_pylist()))],
            "reason": ["sum"],
        }
        return {"review_frames": spec.conform(columns)}


@dataclass(frozen=True)
class ShortSegments:
    """A plan over many short segments, and what its workers need."""

    root: Path
    segments: Sequence[Segment]

    @property
    def faults(self) -> Path:
        """The folder of faults."""
        return self.root / "faults"

    @property
    def archive(self) -> Path:
        """The folder of footage."""
        return self.root / "archive"

    def ops(self) -> dict[str, ReadyOp]:
        """Returns the ops, with their faults."""
        params = Faults(str(self.faults))
        return {op.spec.name: ReadyOp(op(params), {}) for op in (Look, Sum)}

    def plan(self, store: Store) -> Plan:
        """Plans what the store lacks."""
        config = SiteConfig(name="short", crs="EPSG:28992", timezone="Europe/Amsterdam")
        ready = ReadySite(SiteFiles(self.root, config), self.ops(), ())
        return make_plan(ready, segment_columns(self.segments), Ledger(store.read_receipts().rows), Selection())

    def setup(self, store: Store, step_limit_s: float = 60.0) -> WorkerSetup:
        """Returns the setup of its workers."""
        return WorkerSetup(str(self.archive), store.blobs.url, self.ops(), step_limit_s=step_limit_s)

    def store(self, name: str) -> Store:
        """Makes a store."""
        return Store.create(self.root / name)

    def ask_for(self, kind: str, segment: Segment, times: int = 1) -> None:
        """Asks for faults of a segment's decoder."""
        for _ in range(times):
            (self.faults / f"{kind}-{segment.segment_id}-{secrets.token_hex(4)}").touch()


def take_fault(folder: Path, kind: str, segment_id: str) -> bool:
    """Returns whether a fault is asked for, and takes one of them."""
    for path in folder.glob(f"{kind}-{segment_id}-*"):
        with suppress(FileNotFoundError):
            path.unlink()
            return True
    return False


def make_short_segments(root: Path, count: int) -> ShortSegments:
    """Writes an archive of so many segments, of eight frames each, on a few cameras."""
    (root / "faults").mkdir(parents=True)
    clip = write_clip(root / "clip.mp4", steady_pts(FRAMES, FPS), size_px=(64, 48))
    segments = []
    for number in range(count):
        camera, index = f"cam{number % CAMERAS}", number // CAMERAS
        made = make_segment(index, FRAMES / FPS, FPS, (64, 48), camera=camera)
        path = f"{camera}/{index:05}.mp4"
        (root / "archive" / camera).mkdir(parents=True, exist_ok=True)
        os.link(clip, root / "archive" / path)
        name = f"{number:016x}"
        zero = replace(made, segment_id=f"{name}-0000", footage_id=name, path=path, start_pts=0, index=0)
        segments.append(
            replace(zero, end_pts=made.end_pts - made.start_pts, footage_start=made.start, date="2026-03-02")
        )
    return ShortSegments(root, segments)


def receipts_of(store: Store) -> list[Receipt]:
    """Returns every receipt of a store."""
    return receipts_from_rows(store.read_receipts().rows)


def rows_of(store: Store, table: str) -> pa.Table:
    """Returns all rows that a store's receipts name, in a fixed order."""
    named = [receipt for receipt in receipts_of(store) if table in receipt.files]
    files = [UnitFile(receipt.files[table], receipt.unit_tag) for receipt in named]
    rows = store.read_tables(table, files)
    return rows.sort_by([(name, "ascending") for name in ("camera", "segment_id", "pts")])


def differences(one: Store, other: Store) -> Mapping[str, tuple[int, int]]:
    """Returns, by table, how many rows the first store lacks and how many it has too many, compared as whole rows."""
    found: dict[str, tuple[int, int]] = {}
    for table in ("detector_samples", "review_frames"):
        mine, theirs = (rows_of(store, table).to_pylist() for store in (one, other))
        counts: Counter[tuple[tuple[str, object], ...]] = Counter()
        for rows, sign in ((mine, 1), (theirs, -1)):
            for row in rows:
                name = tuple(row.items())
                counts[name] += sign
        lost = -sum(count for count in counts.values() if count < 0)
        found[table] = (lost, sum(count for count in counts.values() if count > 0))
    return found
