"""Covered video."""

from schemas.tables.columns import CAMERA, FOOTAGE, SEGMENT, real, text, time, whole
from schemas.tables.spec import Privacy, TableSpec

VIDEOS = (
    TableSpec(
        "anonymized_segments",
        "Covered copies of segments, before they are joined to one file per footage.",
        (
            CAMERA,
            SEGMENT,
            FOOTAGE,
            text("path", "path of the part below the store; removed once it is joined"),
            whole("frames", "frames in it"),
            whole("size_bytes", "size", "bytes"),
            text("sha256", "sha256 of the part"),
            text("mode", "'silhouette', 'solid' or 'pixelate'"),
            whole("covered_frames", "frames with anything covered"),
            real("covered_share", "mean share of the frame that is covered", "0..1"),
        ),
        ("camera", "segment_id"),
        ("segment_id",),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "anonymized",
        "Published anonymized video: one file per footage, complete or not at all.",
        (
            CAMERA,
            FOOTAGE,
            text("path", "path below the store"),
            time("start_time", "time of the first frame"),
            time("end_time", "time at which the last frame ends"),
            whole("frames", "frames in it"),
            whole("size_bytes", "size", "bytes"),
            text("sha256", "sha256 of the file"),
            text("mode", "'silhouette', 'solid' or 'pixelate'"),
            whole("covered_frames", "frames with anything covered"),
            real("covered_share", "mean share of the frame that is covered", "0..1"),
        ),
        ("camera", "footage_id"),
        ("start_time", "footage_id"),
        Privacy.PSEUDONYMOUS,
    ),
)
