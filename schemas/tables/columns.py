"""The makers of columns, and the columns that many tables share."""

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")


def column(name: str, kind: pa.DataType, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    """A column of any type."""
    return pa.field(name, kind, nullable=null, metadata={"meaning": meaning, "unit": unit})


def string(name: str, meaning: str, null: bool = False) -> pa.Field:
    """A text."""
    return column(name, pa.string(), meaning, null=null)


def timestamp(name: str, meaning: str, null: bool = False) -> pa.Field:
    """A moment, UTC."""
    return column(name, TIME, meaning, "UTC", null)


def float64(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    """A number."""
    return column(name, pa.float64(), meaning, unit, null)


def float32(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    """A number of which few digits matter."""
    return column(name, pa.float32(), meaning, unit, null)


def int64(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    """A whole number."""
    return column(name, pa.int64(), meaning, unit, null)


def boolean(name: str, meaning: str) -> pa.Field:
    """True or false."""
    return column(name, pa.bool_(), meaning)


CAMERA = string("camera", "camera id, as in site.toml")
SEGMENT = string("segment_id", "segment of footage that the row comes from")
FOOTAGE = string("footage_id", "first 16 hex digits of the file's sha256: the footage's identity, whatever its path")
PTS = int64("pts", "presentation timestamp in the stream's time base")
TRACK = string("track_id", "one person or thing, across segment borders and midnight")
LABEL = string("label", "class name: person, car, suitcase, ...")
STATE = string("state", "'observed' by the detector, or 'interpolated' between two observations")
BOX = (
    float32("x1", "left edge of the box in the source frame", "px"),
    float32("y1", "top edge of the box in the source frame", "px"),
    float32("x2", "right edge of the box in the source frame, exclusive", "px"),
    float32("y2", "bottom edge of the box in the source frame, exclusive", "px"),
)
