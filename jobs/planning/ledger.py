"""What is known of past work: receipts, quarantine and tombstones, looked up by unit and fingerprint.

Receipts stay columns of one Arrow table, since a store of years has a million of them: Python looks at those of one op
on one camera at a time, and makes a ``Receipt`` only of the few that somebody asks for.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.planning.graph import UnitKey
from schemas.values import FOOTAGE_OP, Quarantined, Receipt, Tombstone
from storage.store.receipts import receipt_of

_LOOKED_UP = ("fingerprint", "date", "unit", "committed", "ingredients")


def key_of(record: Receipt | Quarantined) -> UnitKey:
    """The unit that a record is about."""
    return UnitKey(record.op, record.camera, record.date or "", record.unit)


class ReceiptIndex:
    """The receipts of one op on one camera.

    Args:
        table: all receipts.
        rows: those of this op and camera.
        fingerprints: of these rows.
    """

    def __init__(self, table: pa.Table, rows: npt.NDArray[np.int64], fingerprints: pa.Array) -> None:
        self._table = table
        self._rows = rows
        self._fingerprints: list[str] = fingerprints.to_pylist()

    def __len__(self) -> int:
        return len(self._fingerprints)

    @cached_property
    def prints(self) -> set[str]:
        """The fingerprints of all that is done. Those of ops name their unit; those of scans may not."""
        return set(self._fingerprints)

    @cached_property
    def numbers(self) -> dict[tuple[str, str, str], int]:
        """By date, unit and fingerprint, the number of a receipt on the shelf."""
        names = zip(self._column("date"), self._column("unit"), self._fingerprints, strict=True)
        return {name: number for number, name in enumerate(names)}

    @cached_property
    def newest(self) -> dict[tuple[str, str], int]:
        """By date and unit, the number of the receipt that readers see: the newest by commit, then fingerprint."""
        ages = list(zip(self._column("committed"), self._fingerprints, strict=True))
        newest: dict[tuple[str, str], int] = {}
        for number, name in enumerate(zip(self._column("date"), self._column("unit"), strict=True)):
            known = newest.get(name)
            if known is None or ages[known] < ages[number]:
                newest[name] = number
        return newest

    def fingerprint(self, number: int) -> str:
        """Of the receipt of this number."""
        return self._fingerprints[number]

    @cached_property
    def _ingredients(self) -> list[str]:
        return self._column("ingredients")

    def ingredients(self, number: int) -> dict[str, str]:
        """Of the receipt of this number."""
        found: dict[str, str] = json.loads(self._ingredients[number])
        return found

    def receipt(self, number: int) -> Receipt:
        """The receipt of this number."""
        return receipt_of(self._table.slice(self._rows[number], 1).to_pylist()[0])

    def _column(self, name: str) -> list[str]:
        column = self._table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())  # a datetime takes ten times as long to make as a number
        return list(column.take(pa.array(self._rows)).to_pylist())


class Ledger:
    """Receipts, quarantine records and tombstones of a store, as they are when a plan is made.

    Args:
        receipts: every receipt, rows of ``RECEIPT_SCHEMA`` in any order.
    """

    def __init__(
        self, receipts: pa.Table, quarantined: Iterable[Quarantined] = (), tombstones: Iterable[Tombstone] = ()
    ) -> None:
        self._table = _in_one_piece(receipts)
        self._order, self._bounds = _by_op_and_camera(self._table)
        self._fingerprints = self._table["fingerprint"].combine_chunks().take(pa.array(self._order))
        self._kept: dict[tuple[str, str], ReceiptIndex] = {}
        self._quarantined: dict[UnitKey, dict[str, Quarantined]] = defaultdict(dict)
        self._tombstones: dict[tuple[str, str, str, str], list[Tombstone]] = defaultdict(list)
        self._footage: dict[tuple[str, str], Tombstone] = {}
        for entry in quarantined:
            self._quarantined[key_of(entry)][entry.fingerprint] = entry
        for stone in tombstones:
            self._bury(stone)

    def _bury(self, stone: Tombstone) -> None:
        if stone.op == FOOTAGE_OP:
            self._footage[stone.camera, stone.unit] = stone
        else:
            self._tombstones[stone.op, stone.camera, stone.date, stone.unit].append(stone)

    def shelf(self, op: str, camera: str) -> ReceiptIndex:
        """The receipts of an op on a camera, as they were when the ledger was opened."""
        first, last = self._bounds.get((op, camera), (0, 0))
        return ReceiptIndex(self._table, self._order[first:last], self._fingerprints.slice(first, last - first))

    def _shelf_at_hand(self, key: UnitKey) -> ReceiptIndex:
        if key[:2] not in self._kept:
            self._kept[key.op, key.camera] = self.shelf(key.op, key.camera)
        return self._kept[key.op, key.camera]

    def receipt(self, key: UnitKey, fingerprint: str) -> Receipt | None:
        """The receipt of exactly this work."""
        shelf = self._shelf_at_hand(key)
        number = shelf.numbers.get((key.date, key.unit, fingerprint))
        return None if number is None else shelf.receipt(number)

    def newest_fingerprint(self, key: UnitKey) -> str | None:
        """The fingerprint of the work that readers saw when the ledger was opened: the newest of its unit."""
        shelf = self._shelf_at_hand(key)
        number = shelf.newest.get((key.date, key.unit))
        return None if number is None else shelf.fingerprint(number)

    def quarantined(self, key: UnitKey, fingerprint: str) -> Quarantined | None:
        """Why exactly this work was set aside, if it was."""
        return self._quarantined[key].get(fingerprint) if key in self._quarantined else None

    def tombstones(self, op: str, camera: str, date: str, unit: str) -> Sequence[Tombstone]:
        """Of a unit's results."""
        return self._tombstones.get((op, camera, date, unit), ())

    def footage_tombstone(self, camera: str, footage_id: str) -> Tombstone | None:
        """Of a footage file."""
        return self._footage.get((camera, footage_id))

    def rates(self) -> dict[str, float]:
        """Seconds of work a second of footage, by op, as past runs measured it."""
        worked = self._table.select(["op", "wall_s", "media_s"]).filter(pc.greater(self._table["media_s"], 0))
        sums = worked.group_by("op").aggregate([("wall_s", "sum"), ("media_s", "sum")])
        return {row["op"]: row["wall_s_sum"] / row["media_s_sum"] for row in sums.to_pylist()}


def _in_one_piece(receipts: pa.Table) -> pa.Table:
    """The same table, with what is looked up row by row in one chunk each."""
    for name in _LOOKED_UP:
        column = receipts[name]
        if column.num_chunks > 1:
            at = receipts.schema.get_field_index(name)
            receipts = receipts.set_column(at, receipts.schema.field(name), column.combine_chunks())
    return receipts


def _by_op_and_camera(receipts: pa.Table) -> tuple[npt.NDArray[np.int64], dict[tuple[str, str], tuple[int, int]]]:
    """Row numbers in order of op and camera, and by op and camera where in that order its rows stand."""
    ops, cameras = (receipts[name].combine_chunks().dictionary_encode() for name in ("op", "camera"))
    many = max(len(cameras.dictionary), 1)
    codes = ops.indices.to_numpy().astype(np.int64) * many + cameras.indices.to_numpy()
    if codes.size and codes.max() < 2**16:
        codes = codes.astype(np.uint16)  # which numpy sorts in one go a digit
    order = np.argsort(codes, kind="stable")
    found, first = np.unique(codes[order], return_index=True)
    bounds = [*first.tolist(), len(codes)]
    names = [(ops.dictionary[code // many].as_py(), cameras.dictionary[code % many].as_py()) for code in found.tolist()]
    return order, dict(zip(names, pairwise(bounds), strict=True))
