"""Tables of dense depth."""

import pyarrow as pa

from schemas.tables.columns import CAMERA, boolean, column, float32, float64, string, timestamp
from schemas.tables.spec import Privacy, TableSpec

DEPTH_TABLES = (
    TableSpec(
        "depth_maps",
        "Dense depth of each view that a fixed camera shows on a day, of a stereo pair or by a configured model.",
        (
            CAMERA,
            column("view", pa.int32(), "number of the view within the day, from 0"),
            string("segment_id", "segment whose background it is of"),
            timestamp("start_time", "from when on the camera shows this view"),
            timestamp("end_time", "until when, exclusive"),
            column("width", pa.int32(), "width of the map", "px"),
            column("height", pa.int32(), "height of the map", "px"),
            column("source_width", pa.int32(), "width of the frames", "px"),
            column("source_height", pa.int32(), "height of the frames", "px"),
            string(
                "kind",
                "what a value means for the depth z along the optical axis: 'metric': z in metres; 'affine': "
                "z = s * value + t; 'relative': 1 / z = s * value + t, so larger is nearer; s and t are unknown",
            ),
            boolean("scale_only", "of an affine map: t is 0"),
            boolean("scale_is_focal", "of an affine map: t is 0, and s is the focal length of the frames in pixels"),
            float64(
                "focal_px", "focal length of the frames, where the model or the calibration gives it", "px", null=True
            ),
            column(
                "values_f16",
                pa.binary(),
                "float16, little-endian, row-major, height x width, zlib-compressed; NaN where it is unknown",
                "m or none",
            ),
            float32("value_min", "smallest known value", "m or none", null=True),
            float32("value_max", "largest known value", "m or none", null=True),
            float32(
                "unknown_share",
                "share of the map that is unknown, since the model gave no finite number, or nothing matched",
                "0..1",
            ),
            string("model", "name of the model; 'stereo' where a stereo pair measured it"),
        ),
        ("camera", "view"),
        ("view",),
        Privacy.SENSITIVE,
        version=2,
    ),
)
