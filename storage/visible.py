"""Which committed units readers see: the newest of each, of footage that the archive's last scan knows.

A file whose content changed under the same path, a camera's clock that was corrected, a file moved to another camera:
each leaves units behind that would otherwise stand beside those that took their place.
"""

from collections.abc import Iterable

from schemas.values import DAY_UNIT, SCAN_OP, Receipt
from storage.receipts import current
from storage.store import Store


def visible(store: Store, receipts: Iterable[Receipt]) -> list[Receipt]:
    """The receipts that readers see, one a unit, ordered by op, camera, date and unit.

    Args:
        receipts: every receipt of the store. Where there is no scan among them, none is taken for superseded.
    """
    newest = current(receipts)
    scans = [receipt for receipt in newest if receipt.op == SCAN_OP]
    if not scans:
        return newest
    known = _known_units(store, scans)
    return [
        receipt for receipt in newest if receipt.op == SCAN_OP or (receipt.camera, receipt.date, receipt.unit) in known
    ]


def _known_units(store: Store, scans: Iterable[Receipt]) -> set[tuple[str, str, str]]:
    """Camera, date and unit of every unit that the scanned footage has."""
    files = [receipt.files.get("segments", "") for receipt in scans]
    rows = store.read_tables("segments", files, ["camera", "date", "segment_id", "footage_id", "index"])
    known = set()
    for row in rows.to_pylist():
        known.add((row["camera"], row["date"], row["segment_id"]))
        known.add((row["camera"], row["date"], DAY_UNIT))
        if row["index"] == 0:
            known.add((row["camera"], row["date"], row["footage_id"]))
    return known
