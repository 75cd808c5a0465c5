"""What was done, and what could not be."""

import pyarrow as pa

from schemas.tables.columns import CAMERA, column, real, text, time, truth, whole
from schemas.tables.spec import Privacy, TableSpec

RECORDS = (
    TableSpec(
        "runs",
        "One row a run: what was asked, how it ended, and the work it did.",
        (
            text("run_id", "start time and four random hex digits"),
            time("started", "start"),
            time("ended", "end; null while it runs, or if it was killed", null=True),
            text(
                "state",
                "'running', 'done', 'partial' (something quarantined or failed), 'deadline', 'interrupted' or 'failed'",
            ),
            text("selection", "JSON: cameras, dates and ops asked for"),
            text("version", "version of Nightshift"),
            whole("units_planned", "units of work planned"),
            whole("units_done", "units committed"),
            whole("units_quarantined", "units put in quarantine"),
            real("media_s", "length of the footage worked on", "s"),
            real("wall_s", "time it took", "s", null=True),
            whole("frames_decoded", "frames decoded, every pass counted"),
            whole("detector_calls", "images that the detector was given"),
            text("stage_s", "JSON: seconds spent by stage (decode, each op, commit), all workers together"),
        ),
        ("run_id",),
        ("started",),
        Privacy.OPEN,
    ),
    TableSpec(
        "receipts",
        "One row a committed unit of work, with what made it.",
        (
            text("op", "op"),
            column("version", pa.int32(), "version of the op"),
            CAMERA,
            text("date", "local date at which the unit starts"),
            text("unit", "segment id, footage id, or 'day'"),
            text("fingerprint", "hash of everything that went into the unit"),
            time("committed", "when"),
            text("run_id", "run that committed it"),
            real("wall_s", "time it took", "s"),
            real("media_s", "length of the footage behind it", "s"),
            whole("rows", "rows written, all tables together"),
            text("files", "JSON: files by table, below the store"),
            truth("current", "the newest of its unit: the one that readers see"),
        ),
        ("op", "camera", "date", "unit", "fingerprint"),
        ("committed", "op", "unit"),
        Privacy.OPEN,
    ),
    TableSpec(
        "quarantine",
        "What could not be processed, and why.",
        (
            text("op", "op that failed, or 'scan'"),
            CAMERA,
            text("date", "local date", null=True),
            text("unit", "segment id, footage id, path or 'day'"),
            text("fingerprint", "of the unit as it failed"),
            text("kind", "'footage' (damaged), 'coverage' (not vouched for), 'bug' or 'upstream'"),
            text("reason", "a word of schemas.errors.DAMAGE_REASONS, or the name of the exception"),
            text("detail", "what was seen, for people"),
            text("path", "file below the archive, if one is to blame", null=True),
            time("time", "when it was put here"),
            text("run_id", "run that put it here"),
        ),
        ("op", "camera", "unit", "fingerprint"),
        ("time", "op", "unit"),
        Privacy.OPEN,
    ),
)
