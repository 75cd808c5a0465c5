"""Tables of the depth of single frames: files of rasters, the rasters in them, people's depth."""

import pyarrow as pa

from schemas.tables.columns import (
    BOX,
    CAMERA,
    FOOTAGE,
    FRAME,
    SEGMENT,
    boolean,
    column,
    float32,
    float64,
    int64,
    string,
)
from schemas.tables.spec import Privacy, TableSpec

_SHAPE = (
    column("width", pa.int32(), "width of the rasters", "px"),
    column("height", pa.int32(), "height of the rasters", "px"),
    string("kind", "'metric' (z in metres), 'affine' (z = s * value + t) or 'relative' (1/z = s * value + t)"),
)
_PATH = string("path", "path of the ZIP file, relative to the store")

DEPTH_FRAME_TABLES = (
    TableSpec(
        "depth_files",
        "Files of dense depth: one per segment, a ZIP of 16-bit PNGs, one per frame.",
        (
            CAMERA,
            SEGMENT,
            FOOTAGE,
            _PATH,
            int64("frames", "number of rasters in it"),
            int64("keyframes", "those of them that the model estimated; the others are carried along optical flow"),
            *_SHAPE,
            string("model", "name of the model"),
            int64("size_bytes", "size", "bytes"),
            string("sha256", "sha256 of the file"),
        ),
        ("camera", "segment_id"),
        ("segment_id",),
        Privacy.SENSITIVE,
    ),
    TableSpec(
        "depth_frames",
        "Dense depth of single frames: one row per raster.",
        (
            *FRAME,
            _PATH,
            string("entry", "name of the frame's PNG in the ZIP file"),
            *_SHAPE,
            float64("scale", "step of the PNG: value = offset + scale * pixel; pixel 0 means unknown"),
            float64("offset", "value of pixel 0, if it had one"),
            column(
                "scale_group",
                pa.int32(),
                "frames of a segment with the same number have one s and one t; for metric depth 0",
            ),
            boolean("keyframe", "whether the model estimated this frame"),
            float32(
                "invalid_share",
                "share of the picture that optical flow could not carry, filled in from around; 0 in keyframes",
                "0..1",
            ),
        ),
        ("camera", "segment_id", "pts"),
        ("time", "pts"),
        Privacy.SENSITIVE,
    ),
    TableSpec(
        "person_depths",
        "Metric depth inside the boxes of people, from the depth of single frames.",
        (
            *FRAME,
            column("detection", pa.int32(), "number of the person's box, as in detections"),
            *BOX,
            float32("depth_m", "z, along the optical axis: median over the middle of the box", "m"),
            float32("spread_m", "median absolute deviation there", "m"),
            boolean("keyframe", "whether the model estimated this frame"),
        ),
        ("camera", "segment_id", "detection"),
        ("time", "detection"),
        Privacy.PSEUDONYMOUS,
    ),
)
