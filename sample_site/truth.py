"""Records of what really happened at a sample site, and the files that hold them.

``truth/truth.json`` holds events and files, ``truth/boxes.json`` holds, column by column, the boxes visible in every
frame, ``truth/CAMERA/TIME.txt`` those of one file as MOT Challenge text, and ``truth/CAMERA/TIME.json`` what happens in
it as NIST's labels; all are beside the site's archive.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.activities import ActivityInstance, ActivityLabels
from schemas.errors import UserError
from schemas.frame_boxes import FrameBoxes
from schemas.values import Bools, Float64, Int64
from storage.activity_files.labels import write_labels
from storage.box_files.mot import mot_text

FOLDER = "truth"
CLEARLY_VISIBLE = 0.3
"""Visible share from which a person counts; less visible people are neither misses nor errors."""
_SHORTEST_SEEN_S = 0.5

Texts = npt.NDArray[np.str_]


@dataclass(frozen=True)
class TrueFile:
    """One file of the archive. ``readable_s`` is shorter than ``duration_s`` where the file is cut off."""

    camera: str
    path: str
    start_time: datetime
    duration_s: float
    frames: int
    readable_frames: int
    readable_s: float


@dataclass(frozen=True)
class TruePerson:
    """One person; times are when their route begins and ends, seen by a camera or not."""

    person: str
    height_m: float
    start_time: datetime
    end_time: datetime


@dataclass(frozen=True)
class TrueCrossing:
    """A line crossed in view of a camera; ``direction`` is as in the table ``zone_events``."""

    camera: str
    person: str
    line: str
    time: datetime
    direction: str


@dataclass(frozen=True)
class TrueStay:
    """A zone entered and left in view of a camera: the time during which the person was visible in it."""

    camera: str
    person: str
    zone: str
    start_time: datetime
    end_time: datetime


@dataclass(frozen=True)
class TrueMeeting:
    """Two people who stand within a metre of each other in view of a camera."""

    camera: str
    people: tuple[str, str]
    start_time: datetime
    end_time: datetime


@dataclass(frozen=True)
class TrueBag:
    """A suitcase left behind: when it was put down, when its owner was last visible, and its box from then on."""

    camera: str
    owner: str
    left_time: datetime
    owner_gone_time: datetime
    end_time: datetime
    box: tuple[float, float, float, float]
    x_m: float
    y_m: float


@dataclass(frozen=True)
class TrueThing:
    """A thing of a play, and what a detector should call it."""

    thing: str
    label: str


@dataclass(frozen=True)
class TrueInteraction:
    """What a viewer would say that somebody does, while it is visible.

    Attributes:
        object: a person or thing; None where the verb has none.
        partner: the other person of a verb with two people and a thing.
        optional: whether it counts neither as missed nor, if found, as a false alarm.
    """

    camera: str
    verb: str
    subject: str
    object: str | None
    partner: str | None
    start_time: datetime
    end_time: datetime
    optional: bool = False


@dataclass(frozen=True, repr=False)
class TrueBoxes:
    """Visible boxes of people or things, one row for each and frame; sorted by camera, time, name.

    Attributes:
        time_us: microseconds since 1970 UTC.
        person: name of the person or thing.
        box: ``(N, 4)`` x1, y1, x2, y2 around the visible pixels; x2, y2 exclusive.
        visible_share: visible share of the person's pixels, 0..1.
        feet_seen: whether the ground point is inside the frame and not hidden by the furnishing.
        place_m: ``(N, 2)`` ground point in the site's CRS.
    """

    camera: Texts
    time_us: Int64
    person: Texts
    box: Float64
    visible_share: Float64
    feet_seen: Bools
    place_m: Float64

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, rows: npt.NDArray[Any]) -> "TrueBoxes":
        """Returns the rows of a mask or of indices."""
        return TrueBoxes(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def to_columns(self) -> dict[str, list[Any]]:
        """Returns plain lists by column name, with rounded shares and metres."""
        sides = {name: self.box[:, i].tolist() for i, name in enumerate(("x1", "y1", "x2", "y2"))}
        return {
            "camera": self.camera.tolist(),
            "time_us": self.time_us.tolist(),
            "person": self.person.tolist(),
            **sides,
            "visible_share": np.round(self.visible_share, 4).tolist(),
            "feet_seen": self.feet_seen.tolist(),
            "x_m": np.round(self.place_m[:, 0], 4).tolist(),
            "y_m": np.round(self.place_m[:, 1], 4).tolist(),
        }

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any]]) -> "TrueBoxes":
        """Reads the lists of ``to_columns``."""
        return cls(
            camera=np.array(columns["camera"], np.str_),
            time_us=np.array(columns["time_us"], np.int64),
            person=np.array(columns["person"], np.str_),
            box=np.column_stack([np.array(columns[c], np.float64) for c in ("x1", "y1", "x2", "y2")]),
            visible_share=np.array(columns["visible_share"], np.float64),
            feet_seen=np.array(columns["feet_seen"], np.bool_),
            place_m=np.column_stack([np.array(columns[c], np.float64) for c in ("x_m", "y_m")]),
        )


@dataclass(frozen=True)
class Truth:
    """Everything that is known about a sample site; ``boxes`` are people's, ``thing_boxes`` those of things."""

    fps: int
    files: tuple[TrueFile, ...]
    people: tuple[TruePerson, ...]
    crossings: tuple[TrueCrossing, ...]
    stays: tuple[TrueStay, ...]
    meetings: tuple[TrueMeeting, ...]
    bags: tuple[TrueBag, ...]
    boxes: TrueBoxes = field(repr=False)
    things: tuple[TrueThing, ...] = ()
    interactions: tuple[TrueInteraction, ...] = ()
    thing_boxes: TrueBoxes | None = field(default=None, repr=False)

    @cached_property
    def cameras(self) -> tuple[str, ...]:
        """Camera ids, in the order of the archive."""
        return tuple(dict.fromkeys(file.camera for file in self.files))

    def readable_us(self, camera: str) -> Int64:
        """Returns ``(N, 2)`` start and end of each file's readable part, microseconds since 1970 UTC."""
        spans = [(microseconds(f.start_time), f.readable_s) for f in self.files if f.camera == camera]
        return np.array([(start, start + round(length_s * 1e6)) for start, length_s in spans], np.int64).reshape(-1, 2)

    def distinct_people(self, camera: str, spans_us: Int64 | None = None) -> int:
        """Counts the people clearly visible for half a second or longer, in the readable footage or in ``spans_us``."""
        return len(self.people_seen(camera, spans_us))

    def people_seen(self, camera: str, spans_us: Int64 | None = None) -> set[str]:
        """Returns the ids of the same people."""
        boxes = self.boxes
        spans = self.readable_us(camera) if spans_us is None else spans_us
        rows = (boxes.camera == camera) & (boxes.visible_share >= CLEARLY_VISIBLE) & within(boxes.time_us, spans)
        people, frames = np.unique(boxes.person[rows], return_counts=True)
        return set(people[frames >= _SHORTEST_SEEN_S * self.fps].tolist())

    def labelled_frames(self, file: TrueFile) -> FrameBoxes:
        """Returns the boxes in the readable frames of a file; people who are not clearly visible are ignored."""
        numbers = np.round((self.boxes.time_us - microseconds(file.start_time)) * self.fps / 1e6).astype(np.int64) + 1
        rows = (self.boxes.camera == file.camera) & (numbers >= 1) & (numbers <= file.readable_frames)
        names = [person.person for person in self.people]
        identity = np.array([names.index(person) + 1 for person in self.boxes.person[rows]], np.int64)
        counts = self.boxes.visible_share[rows] >= CLEARLY_VISIBLE
        return FrameBoxes(numbers[rows], identity, self.boxes.box[rows], counts)

    def labelled_interactions(self, file: TrueFile) -> ActivityLabels:
        """Returns what happens in the readable frames of a file: interactions, and zones entered and left."""
        happens = [(each.verb, each.start_time, each.end_time) for each in self._happens_in(file)]
        for stay in self.stays:
            if stay.camera == file.camera:
                happens += [("enters", stay.start_time, stay.start_time), ("exits", stay.end_time, stay.end_time)]
        found: list[ActivityInstance] = []
        for verb, *times in sorted(happens, key=itemgetter(1)):
            first, last = (round((time - file.start_time).total_seconds() * self.fps) + 1 for time in times)
            if last >= 1 and first <= file.readable_frames:
                end = min(last, file.readable_frames) + 1
                found.append(ActivityInstance.of(verb, file.path, max(first, 1), end, len(found) + 1))
        return ActivityLabels((file.path,), tuple(found))

    def _happens_in(self, file: TrueFile) -> list[TrueInteraction]:
        return [each for each in self.interactions if each.camera == file.camera and not each.optional]


def within(time_us: Int64, spans_us: Int64) -> Bools:
    """Returns which times ``(N,)`` lie in one of the spans ``(M, 2)``, ends excluded."""
    inside = (time_us[:, None] >= spans_us[:, 0]) & (time_us[:, None] < spans_us[:, 1])
    return np.asarray(inside.any(axis=1))


def save_truth(truth: Truth, root: Path) -> None:
    """Writes the truth below a site's folder; the same truth gives the same bytes."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    events = {name: getattr(truth, name) for name in _RECORDS}
    events |= {name: records for name in _PLAY_RECORDS if (records := getattr(truth, name))}
    document = {"fps": truth.fps} | {name: [asdict(record) for record in records] for name, records in events.items()}
    text = json.dumps(document, indent=1, default=_json_time)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")
    _write_boxes(truth.boxes, folder / "boxes.json")
    (folder / "things.json").unlink(missing_ok=True)
    if truth.thing_boxes:
        _write_boxes(truth.thing_boxes, folder / "things.json")
    for file in truth.files:
        labelled = labelled_file(root, file)
        labelled.parent.mkdir(exist_ok=True)
        labelled.write_text(mot_text(truth.labelled_frames(file)), encoding="utf-8")
        write_labels(truth.labelled_interactions(file), labelled.with_suffix(".json"))


def _write_boxes(boxes: TrueBoxes, path: Path) -> None:
    columns = ",\n".join(f'"{name}": {json.dumps(values)}' for name, values in boxes.to_columns().items())
    path.write_text("{" + columns + "}\n", encoding="utf-8")


def _read_boxes(path: Path) -> TrueBoxes:
    return TrueBoxes.from_columns(json.loads(path.read_text(encoding="utf-8")))


def labelled_file(root: Path, file: TrueFile) -> Path:
    """Returns where the boxes of a file are as MOT Challenge text."""
    return (root / FOLDER / file.path).with_suffix(".txt")


def load_truth(root: Path) -> Truth:
    """Reads the truth of the sample site in a folder.

    Raises:
        UserError: the folder is not a sample site.
    """
    folder = root / FOLDER
    if not (folder / "truth.json").is_file():
        raise UserError(f"{root} is not a sample site: it has no {FOLDER}/truth.json; make one with `nightshift demo`")
    document = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    kinds = {name: kind for name, kind in (_RECORDS | _PLAY_RECORDS).items() if name in document}
    events = {name: tuple(_record(kind, row) for row in document[name]) for name, kind in kinds.items()}
    things = folder / "things.json"
    thing_boxes = _read_boxes(things) if things.is_file() else None
    return Truth(fps=document["fps"], boxes=_read_boxes(folder / "boxes.json"), thing_boxes=thing_boxes, **events)


_PLAY_RECORDS: dict[str, type] = {"things": TrueThing, "interactions": TrueInteraction}

_RECORDS: dict[str, type] = {
    "files": TrueFile,
    "people": TruePerson,
    "crossings": TrueCrossing,
    "stays": TrueStay,
    "meetings": TrueMeeting,
    "bags": TrueBag,
}


def _record(kind: type, row: dict[str, Any]) -> Any:
    """Reads a record from JSON: columns named ``time`` or ``*_time`` hold times, lists become tuples."""
    values = {
        name: datetime.fromisoformat(value) if name.endswith("_time") or name == "time" else value
        for name, value in row.items()
    }
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def _json_time(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"the truth cannot hold a {type(value).__name__}")


def microseconds(time: datetime) -> int:
    """Returns a time as microseconds since 1970 UTC."""
    return round(time.timestamp() * 1_000_000)
