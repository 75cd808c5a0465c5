"""Past work: receipts, quarantine records and tombstones, looked up by unit and fingerprint.

A store of years has a million receipts. They stay columns of one Arrow table: Python reads those of one op on one
camera at a time, and only a receipt that is asked for becomes a ``Receipt``.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.planning.graph import UnitKey
from schemas.values import FOOTAGE_OP, Quarantined, Receipt, Tombstone
from storage.store.receipts import receipts_from_rows

TELLING_MEDIA_S = 600.0
"""Footage of a camera from which on its own speed is used: less is mostly the start of workers."""

_LOOKED_UP = ("fingerprint", "date", "unit", "committed", "ingredients")


def key_of(record: Receipt | Quarantined | Tombstone) -> UnitKey:
    """Returns the unit that a record is about."""
    return UnitKey(record.op, record.camera, record.date or "", record.unit)


class ReceiptIndex:
    """The receipts of one op on one camera, each given by its row here.

    Args:
        table: all receipts.
        rows: which of its rows belong to this op and camera.
        fingerprints: of these rows.

    Attributes:
        fingerprints: by row here.
    """

    def __init__(self, table: pa.Table, rows: npt.NDArray[np.int64], fingerprints: pa.Array) -> None:
        self._table = table
        self._rows = rows
        self.fingerprints: list[str] = fingerprints.to_pylist()

    def __len__(self) -> int:
        return len(self.fingerprints)

    @cached_property
    def done(self) -> set[str]:
        """The fingerprints of all finished work. For ops a fingerprint includes the unit; for scans it may not."""
        return set(self.fingerprints)

    @cached_property
    def rows(self) -> dict[tuple[str, str, str], int]:
        """Row by date, unit and fingerprint."""
        names = zip(self._column("date"), self._column("unit"), self.fingerprints, strict=True)
        return {name: row for row, name in enumerate(names)}

    @cached_property
    def newest(self) -> dict[tuple[str, str], int]:
        """By date and unit, the row whose results readers get: the newest by commit time, then by fingerprint."""
        ages = list(zip(self._column("committed"), self.fingerprints, strict=True))
        newest: dict[tuple[str, str], int] = {}
        for row, name in enumerate(zip(self._column("date"), self._column("unit"), strict=True)):
            known = newest.get(name)
            if known is None or ages[known] < ages[row]:
                newest[name] = row
        return newest

    @cached_property
    def ingredients(self) -> list[str]:
        """Ingredients by row, as JSON."""
        return self._column("ingredients")

    def receipt(self, row: int) -> Receipt:
        """Returns a receipt as a value."""
        return receipts_from_rows(self._table.slice(self._rows[row], 1))[0]

    def _column(self, name: str) -> list[str]:
        column = self._table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())  # a datetime takes ten times as long to make as a number
        return list(column.take(pa.array(self._rows)).to_pylist())


class Ledger:
    """Receipts, quarantine records and tombstones of a store, as they are when a plan is made.

    Args:
        receipts: every receipt, rows of ``RECEIPT_SCHEMA`` in any order.

    Attributes:
        quarantined: by unit and fingerprint.
        tombstones: of each unit's results.
        footage_tombstones: by camera and footage id.
    """

    def __init__(
        self, receipts: pa.Table, quarantined: Iterable[Quarantined] = (), tombstones: Iterable[Tombstone] = ()
    ) -> None:
        self._table = _combine_chunks(receipts)
        self._order, self._bounds = _by_op_and_camera(self._table)
        self._fingerprints = self._table["fingerprint"].combine_chunks().take(pa.array(self._order))
        self._indices: dict[tuple[str, str], ReceiptIndex] = {}
        self.quarantined = {(key_of(entry), entry.fingerprint): entry for entry in quarantined}
        self.tombstones: dict[UnitKey, list[Tombstone]] = defaultdict(list)
        self.footage_tombstones: dict[tuple[str, str], Tombstone] = {}
        for tombstone in tombstones:
            if tombstone.op == FOOTAGE_OP:
                self.footage_tombstones[tombstone.camera, tombstone.unit] = tombstone
            else:
                self.tombstones[key_of(tombstone)].append(tombstone)

    def receipts_of(self, op: str, camera: str) -> ReceiptIndex:
        """Returns the receipts of an op on a camera."""
        first, last = self._bounds.get((op, camera), (0, 0))
        return ReceiptIndex(self._table, self._order[first:last], self._fingerprints.slice(first, last - first))

    def _index(self, key: UnitKey) -> ReceiptIndex:
        if key[:2] not in self._indices:
            self._indices[key.op, key.camera] = self.receipts_of(key.op, key.camera)
        return self._indices[key.op, key.camera]

    def receipt(self, key: UnitKey, fingerprint: str) -> Receipt | None:
        """Returns the receipt of exactly this work, or None."""
        index = self._index(key)
        row = index.rows.get((key.date, key.unit, fingerprint))
        return None if row is None else index.receipt(row)

    def newest_fingerprint(self, key: UnitKey) -> str | None:
        """Returns the fingerprint of the results that readers get of a unit, or None."""
        index = self._index(key)
        row = index.newest.get((key.date, key.unit))
        return None if row is None else index.fingerprints[row]

    def rates(self) -> dict[str, float]:
        """Returns, by op, seconds of work per second of footage, as past runs measured it."""
        return {op: wall_s / media_s for (op,), wall_s, media_s in self._sums("op")}

    def camera_rates(self) -> dict[tuple[str, str], float]:
        """Returns the same by op and camera, of those with enough footage to tell."""
        sums = self._sums("op", "camera")
        return {(op, camera): wall_s / media_s for (op, camera), wall_s, media_s in sums if media_s >= TELLING_MEDIA_S}

    def _sums(self, *by: str) -> Iterator[tuple[tuple[str, ...], float, float]]:
        """Yields seconds of work and of footage, of all receipts with footage, by some columns."""
        worked = self._table.select([*by, "wall_s", "media_s"]).filter(pc.greater(self._table["media_s"], 0))
        for row in worked.group_by(by).aggregate([("wall_s", "sum"), ("media_s", "sum")]).to_pylist():
            yield tuple(row[name] for name in by), row["wall_s_sum"], row["media_s_sum"]


def _combine_chunks(receipts: pa.Table) -> pa.Table:
    """Returns the same table, with one chunk in each column that is looked up row by row."""
    for name in _LOOKED_UP:
        column = receipts[name]
        if column.num_chunks > 1:
            at = receipts.schema.get_field_index(name)
            receipts = receipts.set_column(at, receipts.schema.field(name), column.combine_chunks())
    return receipts


def _by_op_and_camera(receipts: pa.Table) -> tuple[npt.NDArray[np.int64], dict[tuple[str, str], tuple[int, int]]]:
    """Returns row numbers sorted by op and camera, and by op and camera the range of its rows in that order."""
    ops, cameras = (receipts[name].combine_chunks().dictionary_encode() for name in ("op", "camera"))
    many = max(len(cameras.dictionary), 1)
    codes = ops.indices.to_numpy().astype(np.int64) * many + cameras.indices.to_numpy()
    if codes.size and codes.max() < 2**16:
        codes = codes.astype(np.uint16)  # numpy sorts 16-bit numbers by radix, in linear time
    order = np.argsort(codes, kind="stable")
    found, first = np.unique(codes[order], return_index=True)
    bounds = [*first.tolist(), len(codes)]
    names = [(ops.dictionary[code // many].as_py(), cameras.dictionary[code % many].as_py()) for code in found.tolist()]
    return order, dict(zip(names, pairwise(bounds), strict=True))
