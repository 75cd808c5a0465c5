"""Parts of video that were joined, and so are gone, though the file that they were joined to has to be made again.

That comes to pass when the receipt of a publication is lost, or only publishing changed: what made its parts stands as
done, but there is nothing left of it to be published.
"""

from jobs.planning.graph import UnitKey
from jobs.planning.plan import Plan
from storage.maintenance.drop import drop_receipts
from storage.store.parquet import UNIT_COLUMN
from storage.store.receipts import receipts_to_arrow
from storage.store.store import Store
from storage.store.video_files import PARTS_TABLE, named_video


def drop_units_with_missing_parts(store: Store, plan: Plan) -> bool:
    """Drops the results of units whose parts are gone and are to be joined, so that a new plan makes them again.

    Returns:
        Whether anything was dropped.

    Raises:
        NightshiftError: the manifest or a table cannot be read.
        StoreFull: no space is left; nothing was dropped.
    """
    to_do = set(plan.to_do)
    lost: set[str] = set()
    for key in sorted(to_do):
        parts = {source.key for source in plan.units[key].sources if source.read.table == PARTS_TABLE} - to_do
        lost |= _gone(store, plan, key, parts)
    drop_receipts(store, lost)
    return bool(lost)


def _gone(store: Store, plan: Plan, reader: UnitKey, parts: set[UnitKey]) -> set[str]:
    """Fingerprints of units whose part is gone while what it was to be joined to is not there."""
    prints = plan.fingerprints
    found = (store.committed(*key, prints.of(key)) for key in sorted(parts) if not prints.excluded(key))
    made = [receipt for receipt in found if receipt is not None]
    named = named_video(store, receipts_to_arrow(made), PARTS_TABLE).select(["path", UNIT_COLUMN]).to_pylist()
    marks = {row[UNIT_COLUMN] for row in named if not store.blobs.exists(row["path"])}
    # A part goes after what it was joined to is committed: who finds it gone finds that, unless it was lost.
    if not marks or store.committed(*reader, prints.of(reader)) is not None:
        return set()
    return {receipt.fingerprint for receipt in made if receipt.unit_tag in marks}
