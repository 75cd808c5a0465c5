"""The message about a night: numbers, reasons and where the report is. No footage, no names of files, no track ids."""

from collections import Counter
from dataclasses import dataclass

from schemas.backlog import Backlog
from schemas.site_notify import NightEvent
from storage.store.nights import NightRecord


@dataclass(frozen=True)
class NightEnd:
    """How a night ended, beside its record.

    Attributes:
        new_reasons: of the quarantine's new entries, one each.
        problems: of purge, report and archive, one line each.
        backlog: what is left; None if the run failed.
        failure: name of the error that ended the run, or ``killed``; empty if none did.
    """

    new_reasons: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    backlog: Backlog | None = None
    failure: str = ""

    @property
    def needs_a_person(self) -> bool:
        """Whether something happened that the next night does not settle by itself."""
        return bool(self.new_reasons or self.problems or self.failure)


def due_events(record: NightRecord, end: NightEnd) -> list[NightEvent]:
    """Returns the events of a night."""
    events: list[NightEvent] = []
    if end.failure or end.problems:
        events.append("failed")
    if end.new_reasons:
        events.append("quarantine")
    if record.state == "missed" or (end.backlog is not None and end.backlog.is_behind):
        events.append("behind")
    return events


def message_of(site: str, record: NightRecord, end: NightEnd, report: str) -> dict[str, object]:
    """Returns the message about a night, as JSON can hold it; ``text`` is its line for people.

    Args:
        site: name of the site.
        report: where its report is.
    """
    reasons = Counter(end.new_reasons)
    parts = [f"Nightshift, {site}, night of {record.night}: {end.failure or record.state}"]
    if record.state != "missed" and not end.failure:
        parts.append(f"{record.units_done} units done")
    if reasons:
        named = ", ".join(f"{count} × {reason}" for reason, count in sorted(reasons.items()))
        parts.append(f"new in quarantine: {named}")
    if end.problems:
        parts.append(f"{len(end.problems)} problems, see the log beside the report")
    if end.backlog is not None:
        parts.append(end.backlog.text)
        parts.append(report)
    return {
        "text": "; ".join(parts),
        "site": site,
        "night": record.night,
        "state": record.state,
        "events": due_events(record, end),
        "failure": end.failure,
        "units_done": record.units_done,
        "units_left": end.backlog.units if end.backlog else None,
        "caught_up": end.backlog.caught_up if end.backlog else None,
        "new_quarantine": dict(reasons),
        "report": report,
    }
