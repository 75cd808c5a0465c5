"""Covered video, what is known of how it was covered, and what was let out of it on somebody's word."""

from schemas.tables.columns import CAMERA, FOOTAGE, LABEL, PTS, SEGMENT, TRACK, real, small, text, time, whole
from schemas.tables.spec import Privacy, TableSpec

AUDIT_SUFFIX = ".audit.json"
"""How the names of files end that ``audits`` names."""

_COVERED = (
    text("mode", "how people are covered: a name of schemas/anonymity.py"),
    whole("covered_frames", "frames with anything covered"),
    real("covered_share", "mean share of the frame that is covered", "0..1"),
    text("level", "what the covered ones are seen as: the level of the mode", null=True),
    text("targets", "what is covered, separated by commas: 'person', 'head', 'vehicle', ...", null=True),
    whole("frames_widened", "frames in which more was covered because a look at the output found something", null=True),
    whole("frames_whole", "frames that are covered whole", null=True),
    whole("frames_lost", "frames of the footage that cannot be decoded, and are covered whole", null=True),
    whole("verifier_looks", "frames of the decoded output that were looked at", null=True),
    whole("verifier_hits", "things found there, which were then covered", null=True),
    text(
        "verified_by", "what looked, separated by commas: 'paint', 'residue', 'detector NAME', 'face NAME'", null=True
    ),
    real("unknown_share", "share of the background that was never seen free of people", "0..1", null=True),
    whole("background_frames", "frames that were compared with a background", null=True),
    text("params", "JSON: the parameters of anonymize", null=True),
    text("models", "JSON: by what they are for, name and sha256 of the weights that anonymize used", null=True),
)
"""What is known of a segment's covering, and, summed, of a footage's; null in rows of older versions."""

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
            *_COVERED,
        ),
        ("camera", "segment_id"),
        ("segment_id",),
        Privacy.PSEUDONYMOUS,
        version=2,
    ),
    TableSpec(
        "anonymized_tracks",
        "How well each tracklet's head is covered in a segment, read off the decoded output.",
        (
            CAMERA,
            SEGMENT,
            text("tracklet_id", "tracklet"),
            LABEL,
            whole("frames", "frames of the segment in which its head zone was looked at"),
            whole("leaks", "of these, frames in which less than half of the head zone is covered as shown"),
            small("least_head_cover", "least covered share of the head zone", "0..1"),
            small("mean_head_cover", "mean covered share of the head zone", "0..1"),
            small("height_px", "median height of its box", "px"),
        ),
        ("camera", "segment_id", "tracklet_id"),
        ("segment_id", "tracklet_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "review_frames",
        "Frames of anonymized video that somebody should look at, and why.",
        (
            CAMERA,
            SEGMENT,
            time("time", "time of the frame"),
            PTS,
            small("risk", "how much speaks for a look: 1 is most", "0..1"),
            text("reason", "what speaks for it, for people"),
        ),
        ("camera", "segment_id", "pts"),
        ("time", "pts"),
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
            *_COVERED,
        ),
        ("camera", "footage_id"),
        ("start_time", "footage_id"),
        Privacy.PSEUDONYMOUS,
        version=2,
    ),
    TableSpec(
        "audits",
        "What can be said of each published file: a JSON file beside it, and the most important of it.",
        (
            CAMERA,
            FOOTAGE,
            text("path", "path of the JSON file below the store"),
            whole("size_bytes", "size of the JSON file", "bytes"),
            text("sha256", "sha256 of the JSON file"),
            text("video_sha256", "sha256 of the published file that it is of"),
            text("mode", "how people are covered"),
            text("level", "the level that it is anonymized to"),
            whole("tracks", "tracklets whose heads were looked at"),
            whole("head_checks", "head zones that were looked at in the decoded output"),
            whole("head_leaks", "of these, less than half covered as shown"),
            real("leak_bound", "upper bound of the share of leaks, at 95 %; null without checks", "0..1", null=True),
        ),
        ("camera", "footage_id"),
        ("footage_id",),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "exports",
        "Who was let see whom: exports of published video in which one track is left visible.",
        (
            text("export_id", "start time and four random hex digits"),
            time("time", "when it was written down, which is before the file got its name"),
            text("user", "who asked, by the name of the account"),
            CAMERA,
            FOOTAGE,
            TRACK,
            text("reason", "the reason that was given"),
            text("file", "path that was asked for"),
            whole("frames", "frames in it"),
            whole("shown_frames", "of these, frames in which the track is visible"),
            whole("size_bytes", "size", "bytes"),
            text("sha256", "sha256 of the file"),
        ),
        ("export_id",),
        ("time", "export_id"),
        Privacy.SENSITIVE,
    ),
)
