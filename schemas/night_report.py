"""The report of a night: what `nightshift report` says of one local day of a site. Its JSON has these fields."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.backlog import Backlog

REPORT_VERSION = 1
"""Version of the fields; a field is added without a new one."""


@dataclass(frozen=True)
class CameraCoverage:
    """How much footage of a camera's day there is.

    Attributes:
        recorded_s, looked_at_s, lost_s: as in the view ``coverage``.
        gaps, gap_s: number and length of the gaps between its files.
        usual_s: median of what it recorded on the days of the four weeks before; None with too little history.
        usual_days: days before with footage, of at most 28.
        spans: start and end of its footage, without gaps.
    """

    camera: str
    name: str
    recorded_s: float
    looked_at_s: float
    lost_s: float
    gaps: int
    gap_s: float
    usual_s: float | None
    usual_days: int
    spans: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class QuarantinedUnit:
    """A file or a unit of this day in quarantine; ``op`` to ``time`` are as in the table ``quarantine``."""

    op: str
    camera: str
    unit: str
    kind: str
    reason: str
    detail: str
    path: str | None
    time: datetime


@dataclass(frozen=True)
class BusyPlace:
    """People in a zone of a camera, or crossings of a line, on this day.

    Attributes:
        kind: ``zone`` or ``line``.
        people: people each once; of a line its crossings both ways.
        most: largest number at the same time; None for a line.
        peak_hour: local start of its busiest hour, with the offset from UTC.
        peak: people or crossings in that hour.
    """

    kind: Literal["zone", "line"]
    place: str
    camera: str
    people: int
    most: int | None
    peak_hour: str
    peak: int


@dataclass(frozen=True)
class HourOfPeople:
    """People in a zone in one hour, and how many are usual.

    Attributes:
        local_hour: local start with the offset from UTC.
        hour: the same, as a moment.
        people: people each once.
        observed_s: footage of the hour that was looked at.
        usual: median of the same weekday and hour in the eight weeks before; None with too little history.
        least, most: what is not yet unusual; None with too little history.
        weeks: weeks before that have at least half of the hour's footage.
        verdict: ``usual``, ``more``, ``fewer``, or ``unknown`` with too little history or footage.
    """

    camera: str
    zone: str
    local_hour: str
    hour: datetime
    people: int
    observed_s: float
    usual: float | None
    least: float | None
    most: float | None
    weeks: int
    verdict: Literal["usual", "more", "fewer", "unknown"]


@dataclass(frozen=True)
class OpCost:
    """What an op took for this day's footage.

    Attributes:
        units: units of work that were committed.
        worker_s: elapsed seconds of workers, summed. Workers may share cores: it is no time of processors.
        worker_s_per_hour: the same per hour of the day's footage; None without footage.
    """

    op: str
    units: int
    worker_s: float
    worker_s_per_hour: float | None


@dataclass(frozen=True)
class PrivacyChecks:
    """How the published video of this day was verified.

    Attributes:
        published: files that are handed out or await their sign-off.
        published_s: their length.
        audited: those with an audit.
        modes: anonymization modes, each once.
        head_checks, head_leaks: sums of the audits: heads that were checked in the decoded output, and those of them
            that are less than half covered.
        leak_rate_bound: the largest upper bound of a file's leak rate at 95 % confidence; None without checks.
        frames_whole: frames that are covered completely.
        review_frames: frames that a person should look at.
        awaiting: files that may not be handed out yet.
        refused: units of anonymization that are in quarantine.
    """

    published: int
    published_s: float
    audited: int
    modes: tuple[str, ...]
    head_checks: int
    head_leaks: int
    leak_rate_bound: float | None
    frames_whole: int
    review_frames: int
    awaiting: int
    refused: int


@dataclass(frozen=True)
class NightOfReport:
    """A scheduled night; fields as in the records of nights."""

    night: str
    state: str
    started: datetime
    ended: datetime | None
    units_done: int
    units_left: int
    new_quarantine: int


@dataclass(frozen=True)
class SiteReport:
    """The report of one local day of a site.

    Attributes:
        backlog: what is left of all days when the report was made.
        nights: the last scheduled nights, newest first.
    """

    version: int
    site: str
    timezone: str
    date: str
    coverage: tuple[CameraCoverage, ...]
    quarantine: tuple[QuarantinedUnit, ...]
    places: tuple[BusyPlace, ...]
    hours: tuple[HourOfPeople, ...]
    costs: tuple[OpCost, ...]
    privacy: PrivacyChecks
    backlog: Backlog
    nights: tuple[NightOfReport, ...] = ()

    @property
    def unusual(self) -> tuple[HourOfPeople, ...]:
        """Returns the hours with more or fewer people than usual."""
        return tuple(hour for hour in self.hours if hour.verdict in ("more", "fewer"))
