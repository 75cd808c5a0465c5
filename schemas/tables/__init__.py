"""Every table of the store: one pyarrow schema each, with units, keys, sort order and privacy class.

``docs/tables.md`` is generated from these files. A column is added, never renamed; a change bumps ``version``.
"""

from collections.abc import Mapping

from schemas.tables.analytics import FINDINGS
from schemas.tables.archive import ARCHIVE
from schemas.tables.columns import TIME
from schemas.tables.records import RECORDS
from schemas.tables.spec import Privacy, TableSpec
from schemas.tables.tracking import SIGHTINGS
from schemas.tables.video import VIDEOS

__all__ = ["TABLES", "TIME", "Privacy", "TableSpec"]

TABLES: Mapping[str, TableSpec] = {spec.name: spec for spec in (*ARCHIVE, *SIGHTINGS, *FINDINGS, *VIDEOS, *RECORDS)}
"""Every table by name, in the order of the pipeline."""
