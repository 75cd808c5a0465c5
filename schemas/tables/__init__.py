"""The tables of the store: one pyarrow schema each, with units, primary key, sort order and privacy class.

``docs/tables.md`` is generated from these files. Columns are added, never renamed; a change raises ``version``.
"""

from collections.abc import Mapping

from schemas.tables.analytics import ANALYTICS_TABLES
from schemas.tables.archive import ARCHIVE_TABLES
from schemas.tables.columns import TIME
from schemas.tables.depth import DEPTH_TABLES
from schemas.tables.depth_frames import DEPTH_FRAME_TABLES
from schemas.tables.detection import DETECTION_TABLES
from schemas.tables.ground import GROUND_TABLES
from schemas.tables.motion import MOTION_TABLES
from schemas.tables.records import RECORD_TABLES
from schemas.tables.space import SPACE_TABLES
from schemas.tables.spec import Privacy, TableSpec
from schemas.tables.tracking import TRACKING_TABLES
from schemas.tables.video import VIDEO_TABLES

__all__ = ["TABLES", "TIME", "Privacy", "TableSpec"]

TABLES: Mapping[str, TableSpec] = {
    spec.name: spec
    for spec in (
        *ARCHIVE_TABLES,
        *TRACKING_TABLES,
        *DETECTION_TABLES,
        *MOTION_TABLES,
        *GROUND_TABLES,
        *ANALYTICS_TABLES,
        *SPACE_TABLES,
        *DEPTH_FRAME_TABLES,
        *DEPTH_TABLES,
        *VIDEO_TABLES,
        *RECORD_TABLES,
    )
}
"""All tables by name, in pipeline order."""
