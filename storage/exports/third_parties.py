"""Takes out of rows what others may not have: pseudonyms, and rows of few people."""

import json
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import UserError
from storage.exports.results import plain

LEAST_PEOPLE = 5
"""Default of the least number of people of a row."""
PERSONS = ("site_track_id", "track_id", "subject", "track_a", "tracklet_id")
"""Columns that name whom a row is of; the first that is there counts people."""
PSEUDONYMS = frozenset({*PERSONS, "object", "track_b", "interaction_id", "static_id", "group_id", "evidence"})
"""Columns that follow a person or thing through tables."""
PEOPLE = ("people", "distinct_tracks", "crossings", "trips", "visits")
"""Columns that say of how many people a row is."""
_ID = r"[0-9a-f]{16}-\d{4}-\d{3}"
"""What ids of tracks look like, whatever a query calls their column."""


@dataclass(frozen=True)
class Protected:
    """Rows for third parties, and the sentence that says what they lack."""

    rows: pa.Table
    note: str


def protect(rows: pa.Table, least: int, personal: bool) -> Protected:
    """Returns rows without pseudonyms, and without those of fewer than ``least`` people.

    A row with a number of people, such as ``people`` or ``crossings``, is of so many; one with the number 0 stays. A
    row with a pseudonym is of as many people as have a row with the same values, once the pseudonym is dropped
    (k-anonymity, https://doi.org/10.1142/S0218488502001648). Other rows stay if they are not of people.

    Args:
        rows: a query's result.
        least: least number of people, k.
        personal: whether rows are of people, whatever their columns.

    Raises:
        UserError: nothing says of how many people the rows are.
    """
    if least < 2:
        raise UserError(f"a least number of {least} people leaves nobody out: give 2 or more, such as {LEAST_PEOPLE}")
    dropped = [name for name in rows.column_names if name in PSEUDONYMS or _has_ids(rows[name])]
    counted = [name for name in PEOPLE if name in rows.column_names]
    kept = rows.drop_columns(dropped)
    if personal and not dropped and not counted:
        raise UserError(
            "these rows may be of few people, and nothing says of how many: add track_id, which is dropped again, "
            f"or a number of people named {PEOPLE[0]}, such as count(DISTINCT track_id) AS people"
        )
    stays = np.ones(rows.num_rows, bool)
    for name in counted:
        numbers = pc.fill_null(rows[name].cast(pa.float64()), 1.0).to_numpy()
        stays &= (numbers == 0) | (numbers >= least)
    if dropped:
        who = next((name for name in PERSONS if name in dropped), dropped[0])
        stays &= _people_alike(kept, rows[who]) >= least
    if not dropped and not (counted and rows.num_rows):
        return Protected(rows, "")
    left_out = int(np.count_nonzero(~stays))
    few = f"rows of fewer than {least} people are left out: {left_out:,} of {rows.num_rows:,}"
    without = f"without {', '.join(dropped)}" if dropped else ""
    return Protected(kept.filter(pa.array(stays)), f"For third parties: {'; '.join(filter(None, (few, without)))}")


def _has_ids(column: pa.ChunkedArray) -> bool:
    """Returns whether a column has ids of tracks, alone or inside texts, lists or structs."""
    if pa.types.is_nested(column.type):
        pattern = re.compile(_ID)
        return any(pattern.search(json.dumps(plain(value))) for value in column.to_pylist())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return bool(pc.any(pc.match_substring_regex(column, _ID)).as_py())


def _people_alike(kept: pa.Table, who: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Returns for each row how many people have one with the same values."""
    group = np.zeros(kept.num_rows, np.int64)
    for name in kept.column_names:
        group = np.unique(np.column_stack([group, _numbers(kept[name])]), axis=0, return_inverse=True)[1].reshape(-1)
    pairs = np.unique(np.column_stack([group, _numbers(who)]), axis=0)[:, 0]
    return np.bincount(pairs, minlength=int(group.max(initial=-1)) + 1)[group] if len(group) else group


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Returns a number for each value, equal where values are."""
    if pa.types.is_nested(column.type):
        column = pa.chunked_array([pa.array([json.dumps(plain(value)) for value in column.to_pylist()], pa.string())])
    elif pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    indices = column.combine_chunks().dictionary_encode(null_encoding="encode").indices
    return np.asarray(indices.to_numpy(zero_copy_only=False), np.int64)
