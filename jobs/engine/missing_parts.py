"""Video parts that are missing although the file they were merged into must be made again.

Parts are deleted once they are merged. When the receipt of that file is lost, or only the publishing op changed, the
units that made the parts count as done, and there is nothing to merge: they must run again.
"""

from jobs.planning.graph import UnitKey
from jobs.planning.plan import Plan
from storage.maintenance.compaction import drop_receipts
from storage.store.named_files import PARTS_TABLE, read_file_rows
from storage.store.parquet import UNIT_COLUMN
from storage.store.receipts import receipts_to_arrow
from storage.store.store import Store


def drop_units_with_missing_parts(store: Store, plan: Plan) -> bool:
    """Drops the results of units whose parts are missing and needed, so that a new plan makes them again.

    Returns:
        Whether anything was dropped.

    Raises:
        NightshiftError: the manifest or a table cannot be read.
        StoreFull: no space is left; nothing was dropped.
    """
    to_do = set(plan.to_do)
    missing: set[str] = set()
    for key in sorted(to_do):
        parts = {source.key for source in plan.units[key].sources if source.read.table == PARTS_TABLE} - to_do
        missing |= _missing(store, plan, key, parts)
    drop_receipts(store, missing)
    return bool(missing)


def _missing(store: Store, plan: Plan, merger: UnitKey, parts: set[UnitKey]) -> set[str]:
    """Returns the fingerprints of the units among ``parts`` whose part is missing, unless they were merged by now."""
    known = plan.fingerprints
    found = (store.find_receipt(*key, known[key]) for key in sorted(parts & known.keys()))
    receipts = [receipt for receipt in found if receipt is not None]
    named = read_file_rows(store, receipts_to_arrow(receipts), PARTS_TABLE).select(["path", UNIT_COLUMN]).to_pylist()
    tags = {row[UNIT_COLUMN] for row in named if not store.blobs.exists(row["path"])}
    # Another run deletes parts only after it has committed their merger. So this order matters: first the parts, then
    # the receipt; a part that is missing without one was lost.
    if not tags or store.find_receipt(*merger, known[merger]) is not None:
        return set()
    return {receipt.fingerprint for receipt in receipts if receipt.unit_tag in tags}
