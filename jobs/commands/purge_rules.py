"""The rules of ``[retention]``: which data each is about, and from which day on they are kept; and what it deletes."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from ops import REGISTRY
from schemas.errors import SiteError
from storage.maintenance.tombstones import DataKind, PurgedUnit, PurgeRecord
from storage.site.file import SiteFiles
from storage.store.named_files import RASTERS_TABLE, VIDEO_TABLES


@dataclass(frozen=True)
class Rule:
    """A line of ``[retention]``; without ``days`` its data are kept for ever."""

    what: DataKind
    key: str
    days: int | None

    def __str__(self) -> str:
        return f"{self.key} = {self.days}"


class Rules:
    """The rules of a site at one moment; days are counted by the local calendar of each camera.

    Args:
        site: the site.
        now: aware time.

    Raises:
        SiteError: tables that one op writes together have different limits.
    """

    def __init__(self, site: SiteFiles, now: datetime) -> None:
        self._site = site
        self._now = now
        retention = site.config.retention
        self.footage = Rule("footage", "footage_days", retention.footage_days)
        self.keeps_all_tables = retention.tables_days is None
        # An op that no longer exists follows ``tables_days``, as one without tables does.
        self._of_op: dict[str, Rule] = defaultdict(lambda: self._make("", ()))
        self._of_op |= {name: self._make(name, kind.spec.writes) for name, kind in REGISTRY.items()}

    def of_op(self, op: str) -> Rule:
        """Returns the rule of an op's results, which are purged together because they share a receipt."""
        return self._of_op[op]

    def zone(self, camera: str) -> ZoneInfo:
        """Returns the time zone of a camera."""
        return ZoneInfo(self._site.config.camera_view(camera).timezone)

    def first_kept_date(self, rule: Rule, camera: str) -> str:
        """Returns the oldest local date within the limit; without a limit an empty text, which sorts before all."""
        if rule.days is None:
            return ""
        return (self._now.astimezone(self.zone(camera)).date() - timedelta(days=rule.days)).isoformat()

    def _make(self, op: str, tables: Collection[str]) -> Rule:
        retention = self._site.config.retention
        own = {name: retention.tables[name] for name in tables if name in retention.tables}
        if not own:
            if set(tables) & set(VIDEO_TABLES):
                return Rule("video", "video_days", retention.video_days)
            rule = Rule("tables", "tables_days", retention.tables_days)
            # Rasters show whom the footage shows: they are kept no longer than it is.
            of_footage = Rule("tables", "footage_days", retention.footage_days)
            return min(rule, of_footage, key=_days) if RASTERS_TABLE in tables else rule
        if len(own) < len(tables) or len(set(own.values())) > 1:
            raise SiteError(
                f"{self._site.root / 'site.toml'}: [retention.tables]: op {op} writes {', '.join(tables)} together, "
                "so they can only be purged together: give each of them the same number of days"
            )
        name, days = next(iter(own.items()))
        return Rule("tables", f"tables.{name}", days)


def _days(rule: Rule) -> float:
    return inf if rule.days is None else rule.days


@dataclass
class RecordBuilder:
    """Collects the units, files and sizes of one ``PurgeRecord``.

    Attributes:
        units: the newest version of a unit comes last: it is the one that later units were computed from.
    """

    units: dict[PurgedUnit, None] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    rows: int = 0
    size_bytes: float = 0.0


class RecordBuilders:
    """The builders of a purge's records, by camera, date and rule."""

    def __init__(self) -> None:
        self._builders: dict[tuple[str, str, DataKind, str], RecordBuilder] = defaultdict(RecordBuilder)

    def of(self, camera: str, date: str, rule: Rule) -> RecordBuilder:
        """Returns the builder of a camera-day's data that a rule deletes."""
        return self._builders[camera, date, rule.what, str(rule)]

    def records(self) -> tuple[PurgeRecord, ...]:
        """Returns the records by camera, date, kind and rule."""
        return tuple(
            PurgeRecord(rule, what, camera, date, tuple(each.units), len(each.files), each.rows, round(each.size_bytes))
            for (camera, date, what, rule), each in sorted(self._builders.items())
        )
