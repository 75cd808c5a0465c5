"""Tables of detectors: what the second look finds, how small the people are that each can find, verbs in frames."""

from dataclasses import replace

import pyarrow as pa

from schemas.tables.columns import (
    BOX,
    CAMERA,
    DETECTION,
    FRAME,
    OBSERVED_FRAME,
    PTS,
    SEGMENT,
    column,
    float32,
    int64,
    string,
    timestamp,
)
from schemas.tables.spec import Privacy, TableSpec

_REACH = TableSpec(
    "detector_reach",
    "How small the people are that detect can find, by band of image rows, and how tall those are that it found there.",
    (
        CAMERA,
        SEGMENT,
        float32("y1", "top edge of the band in the source frame", "px"),
        float32("y2", "bottom edge of the band, exclusive", "px"),
        column("people", pa.int32(), "boxes of people, surely found, whose feet are in the band"),
        float32("person_height_px", "median height of those boxes; null without any", "px", null=True),
        float32("least_height_px", "least height of people that is found everywhere in the band, in every frame", "px"),
        float32(
            "probe_height_px",
            "least height of people for which some frames are probed; tiles with such people are then looked at in "
            "every frame; null without probes",
            "px",
            null=True,
        ),
        int64("tile_looks", "looks in tiles that show some of the band, over all frames"),
        column("probes", pa.int32(), "frames of the segment that were looked at in all tiles"),
        column("frames", pa.int32(), "frames of the segment that were looked at"),
    ),
    ("camera", "segment_id", "y1"),
    ("segment_id", "y1"),
    Privacy.OPEN,
)

_OBJECT_BOX = tuple(
    float32(f"object_{edge.name}", "the same of the object; null where the verb has none", "px", null=True)
    for edge in BOX
)

DETECTION_TABLES = (
    _REACH,
    TableSpec(
        "detector_samples",
        "One row per frame, drawn at random, that detect looked at in full to see whom looking again only where "
        "something changed misses.",
        (
            *FRAME,
            column("people", pa.int32(), "people whom the full look surely found"),
            column("missed", pa.int32(), "those of them who are not among the detections of the frame"),
        ),
        ("camera", "segment_id", "pts"),
        ("time", "pts"),
        Privacy.OPEN,
    ),
    TableSpec(
        "appearances",
        "The colours of the clothes of people whom the detector found, in some frames per second.",
        (
            CAMERA,
            SEGMENT,
            column("detection", pa.int32(), "number of the person's box, as in detections"),
            timestamp("time", "when the frame was filmed"),
            PTS,
            column(
                "colours",
                pa.binary(),
                "histograms of the colours of the upper and the lower body, in L*a*b*: 72 square roots of shares",
                "0..255",
            ),
        ),
        ("camera", "segment_id", "detection"),
        ("time", "detection"),
        Privacy.SENSITIVE,
    ),
    TableSpec(
        "second_detections",
        "One row per person that the second look found, by other weights than detect's.",
        (
            *DETECTION,
            string("source", "'model', or 'hog' if no other weights were available"),
        ),
        ("camera", "segment_id", "detection"),
        ("time", "detection"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "second_observed_frames",
        "One row per frame that the second look processed.",
        (
            *OBSERVED_FRAME,
            string("source", "'model' or 'hog'"),
        ),
        ("camera", "segment_id", "pts"),
        ("time", "pts"),
        Privacy.OPEN,
        version=2,
    ),
    replace(_REACH, name="second_detector_reach", summary=_REACH.summary.replace("detect can", "the second look can")),
    TableSpec(
        "keypoints",
        "Where the joints of people near things are in single frames, as a pose network sees them.",
        (
            *FRAME,
            column("detection", pa.int32(), "number of the person's box, as in detections"),
            *BOX,
            string("keypoint", "'nose', 'left_wrist', ...: one of the 17 key points of COCO"),
            float32("x", "to the right", "px"),
            float32("y", "downwards", "px"),
            float32("score", "score of the pose network", "0..1"),
        ),
        ("camera", "segment_id", "detection", "keypoint"),
        ("time", "detection", "keypoint"),
        Privacy.SENSITIVE,
    ),
    TableSpec(
        "frame_interactions",
        "What people do with things in single frames, as a network for interactions sees it.",
        (
            *FRAME,
            column("number", pa.int32(), "number of the row within its segment, from 0"),
            *BOX,
            *_OBJECT_BOX,
            string("object_label", "class of the object; null where the verb has none", null=True),
            string("verb", "verb, as the network's training data name it"),
            float32("score", "score of verb and object together", "0..1"),
            string("model", "name of the weights"),
        ),
        ("camera", "segment_id", "number"),
        ("time", "number"),
        Privacy.PSEUDONYMOUS,
    ),
)
