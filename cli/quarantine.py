"""Shows the quarantine: one row per entry, and one for all entries with the same cause."""

from collections.abc import Iterable, Sequence

from cli.output import Output
from jobs.planning.unit_status import without_ids
from schemas.values import Quarantined

MOST_ALIKE = 2
"""Entries of one cause that are shown one by one; a site with one detector has hundreds of one cause."""


def show_quarantine(output: Output, entries: Sequence[Quarantined]) -> None:
    """Prints the table for people."""
    output.table(["op", "camera", "what", "reason", "detail"], quarantine_rows(entries), "in quarantine")


def quarantine_rows(entries: Iterable[Quarantined]) -> list[list[str]]:
    """Returns the rows of the table: op, camera, what, reason, detail."""
    alike: dict[tuple[str, str, str], list[Quarantined]] = {}
    for entry in entries:
        alike.setdefault((entry.op, entry.reason, without_ids(entry.detail)), []).append(entry)
    rows: list[list[str]] = []
    for (op, reason, cause), group in alike.items():
        if len(group) <= MOST_ALIKE:
            rows += [[each.op, each.camera, each.path or each.unit, each.reason, each.detail] for each in group]
            continue
        cameras = list(dict.fromkeys(each.camera for each in group))
        camera = cameras[0] if len(cameras) == 1 else f"{len(cameras)} cameras"
        first = group[0].path or group[0].unit
        rows.append([op, camera, f"{first} and {len(group) - 1} more", reason, cause])
    return rows
