"""Checks receipts before anybody acts on them: anybody who can write to a store can write anything there.

What a receipt names is read, rewritten and deleted, and its times are compared and calculated with. A receipt that
fails these checks counts as torn: it is refused and named, and its unit runs again.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TIME
from schemas.values import Receipt
from storage.store.layout import is_own_file
from storage.store.records import FIRST_YEAR, LAST_YEAR, check_time

_INT32, _INT64 = 2**31, 2**63
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "ingredients": str,
    "files": str,
    "sha256": str,
    "stage_s": (int, float),
    "counters": int,
}
_PLAUSIBLE_DATE = r"^(19|20|21)[0-9][0-9]-[01][0-9]-[0-3][0-9]$"


def check_receipt(receipt: Receipt) -> None:
    """Checks types, numbers, times and names.

    Raises:
        ValueError: the receipt cannot be one that Nightshift wrote; the message says why.
    """
    for field in fields(Receipt):
        _check_value(field.name, getattr(receipt, field.name), field.type)
    if abs(receipt.version) >= _INT32:
        raise ValueError(f"not a receipt: version is {receipt.version}")
    check_time("committed", receipt.committed)
    if not _is_plausible_date(receipt.date):
        raise ValueError(f"not a receipt: date is {receipt.date!r}")
    if foreign := foreign_file(vars(receipt)):
        raise ValueError(f"it names {foreign!r}, which is no file of its table, camera, date and unit")


def plausible_receipts(receipts: pa.Table) -> pa.Table:
    """Returns the receipts of the manifest whose ``committed`` and ``date`` are plausible."""
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in (FIRST_YEAR, LAST_YEAR + 1))
    times = receipts["committed"]
    in_time = pc.and_(pc.greater_equal(times, pa.scalar(first, TIME)), pc.less(times, pa.scalar(last, TIME)))
    return receipts.filter(pc.and_(in_time, pc.match_substring_regex(receipts["date"], _PLAUSIBLE_DATE)))


def foreign_file(receipt: Mapping[str, Any]) -> str | None:
    """Returns a file that a receipt names and that is not its own; None if all are.

    Args:
        receipt: the fields of a ``Receipt``.
    """
    unit = {name: receipt[name] for name in ("camera", "date", "unit", "fingerprint")}
    files = receipt["files"].items()
    return next((name for table, name in files if name and not is_own_file(name, table, **unit)), None)


def _check_value(name: str, value: Any, declared: Any) -> None:
    kind: Any = getattr(declared, "__origin__", declared)
    # JSON of other writers may have 2 for 2.0.
    if not isinstance(value, (int, float) if kind is float else kind):
        raise ValueError(f"not a receipt: {name} is {value!r}")
    for each in (*value, *value.values()) if isinstance(value, dict) else (value,):
        if isinstance(each, str) and not each.isascii():
            each.encode()  # a lone surrogate is no text: its error is a ValueError
        # Of NaN no comparison is true.
        if isinstance(each, int | float) and not abs(each) < _INT64:
            raise ValueError(f"not a receipt: {name} is {each}")
    if isinstance(value, dict) and not all(isinstance(each, _KINDS[name]) for each in value.values()):
        raise ValueError(f"not a receipt: {name} is {value!r}")


def _is_plausible_date(text: str) -> bool:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return False
    return found.isoformat() == text and FIRST_YEAR <= found.year <= LAST_YEAR
