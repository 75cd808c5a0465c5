"""Column constructors, and the columns that several tables share."""

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")


def column(name: str, kind: pa.DataType, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    """Returns a column of any type, with its meaning and unit as field metadata."""
    return pa.field(name, kind, nullable=null, metadata={"meaning": meaning, "unit": unit})


def string(name: str, meaning: str, null: bool = False) -> pa.Field:
    """Returns a text column."""
    return column(name, pa.string(), meaning, null=null)


def timestamp(name: str, meaning: str, null: bool = False) -> pa.Field:
    """Returns a column of moments, microseconds in UTC."""
    return column(name, TIME, meaning, "UTC", null)


def float64(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    """Returns a float64 column."""
    return column(name, pa.float64(), meaning, unit, null)


def float32(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    """Returns a float32 column, for values of about seven significant digits."""
    return column(name, pa.float32(), meaning, unit, null)


def int64(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    """Returns an int64 column."""
    return column(name, pa.int64(), meaning, unit, null)


def boolean(name: str, meaning: str) -> pa.Field:
    """Returns a column of booleans."""
    return column(name, pa.bool_(), meaning)


CAMERA = string("camera", "camera id, as in site.toml")
SEGMENT = string("segment_id", "segment that the row belongs to")
FOOTAGE = string("footage_id", "id of the footage: first 16 hex digits of the file's sha256, independent of its path")
PTS = int64("pts", "presentation timestamp in the stream's time base")
TRACK = string("track_id", "id of one person or object, across segment borders and midnight")
LABEL = string("label", "class name: person, car, suitcase, ...")
STATE = string("state", "'observed' by the detector, or 'interpolated' between two observations")
INTERPOLATION = float32(
    "interpolation_sigma_px",
    "standard deviation that interpolation adds to each edge of the box; 0 when observed",
    "px",
    null=True,
)
LINK = float32(
    "link_probability",
    "at the first point after a bridged gap: probability that it is still the same person or object; else null",
    "0..1",
    null=True,
)
STAY = (
    timestamp("start_time", "start of the stay"),
    timestamp("end_time", "end of the stay"),
    float64("dwell_s", "length of the stay; if it is cut, the person was there for longer", "s"),
    boolean("cut_start", "whether the track begins inside, so that nobody saw it enter"),
    boolean("cut_end", "whether the track ends inside, so that nobody saw it leave"),
)
BOX = (
    float32("x1", "left edge of the box in the source frame", "px"),
    float32("y1", "top edge of the box in the source frame", "px"),
    float32("x2", "right edge of the box in the source frame, exclusive", "px"),
    float32("y2", "bottom edge of the box in the source frame, exclusive", "px"),
)
FRAME = (CAMERA, SEGMENT, timestamp("time", "time of the frame"), PTS)
"""A frame of a segment: of which camera and segment, and when."""

DETECTION = (
    *FRAME,
    column("detection", pa.int32(), "number of the detection within its segment, from 0"),
    LABEL,
    float32("confidence", "score of the detector", "0..1"),
    *BOX,
)
"""A box that a detector found."""

OBSERVED_FRAME = (
    *FRAME,
    column("detections", pa.int32(), "number of detections in the frame"),
    column(
        "looks",
        pa.int32(),
        "looks of the detector at the frame, at all of it, at parts that changed, or in tiles; 0: looks at other "
        "frames tell who is in it",
        null=True,
    ),
)
"""A frame that a detector processed."""
