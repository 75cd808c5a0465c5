from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tables import TABLES
from storage.maintenance.compaction import compact
from storage.sql.connection import open_sql
from storage.store.store import Store
from tests.storage.rows import DATE, NOW, make_rows
from tests.storage.sql_site import commit, print_of, rows_of, scans_of

VERSIONS = "SELECT unit, run_id, op_version, current, count(*) FROM counts_all GROUP BY ALL ORDER BY ALL"


def test_each_row_says_which_work_it_is_of(store: Store) -> None:
    old = commit(store, "counts", make_rows("counts", 2), print_of("old"), run_id="r1")
    new = commit(store, "counts", make_rows("counts", 5), print_of("new"), committed=NOW + timedelta(1), run_id="r2")
    with open_sql(store) as con:
        columns = "fingerprint, committed, run_id, op_version, current, date::VARCHAR"
        assert rows_of(con, f"SELECT DISTINCT {columns} FROM counts_all ORDER BY committed") == [
            (old.fingerprint, old.committed, "r1", 1, False, DATE),
            (new.fingerprint, new.committed, "r2", 1, True, DATE),
        ]
        assert rows_of(con, VERSIONS) == [("u1", "r1", 1, False, 2), ("u1", "r2", 1, True, 5)]
        names = [name for (name,) in rows_of(con, "SELECT column_name FROM (DESCRIBE counts_all)")]
    table = [field.name for field in TABLES["counts"].columns]
    assert names == [*table, "date", "unit", "fingerprint", "run_id", "committed", "op_version", "current"]


@pytest.mark.slow
@pytest.mark.parametrize("compactions", [0, 1, 2])
def test_work_said_to_hold_again_has_its_rows_once(store: Store, compactions: int) -> None:
    old = commit(store, "counts", make_rows("counts", 2), print_of("old"), run_id="r1")
    commit(store, "counts", make_rows("counts", 5), print_of("new"), committed=NOW + timedelta(1), run_id="r2")
    if compactions == 2:
        compact(store)
    store.reaffirm(old, "r3", NOW + timedelta(2))
    if compactions:
        compact(store)
    with open_sql(store) as con:
        assert rows_of(con, VERSIONS) == [("u1", "r2", 1, False, 5), ("u1", "r3", 1, True, 2)]
        assert rows_of(con, "SELECT count(*) FROM counts") == [(2,)]
    with open_sql(store, as_of="r2") as con:
        assert rows_of(con, VERSIONS) == [("u1", "r1", 1, False, 2), ("u1", "r2", 1, True, 5)]


def test_versions_of_a_camera_day_read_its_files_only(store: Store) -> None:
    for camera in ("cam1", "cam2", "cam3"):
        for day in ("2026-03-02", "2026-03-03"):
            commit(store, "counts", make_rows("counts", 2, camera), print_of(camera, day), "u1", camera, day)
    with open_sql(store) as con:
        query = "SELECT count(*) FROM counts_all WHERE camera = 'cam2' AND date = '2026-03-03'"
        assert rows_of(con, query) == [(2,)]
        assert sorted(scan["Scanning Files"] for scan in scans_of(con, query)) == ["0/1", "1/6"]


def test_versions_of_what_nobody_sees_any_more(store: Store) -> None:
    commit(store, "counts", make_rows("counts", 2), print_of("old"))
    commit(store, "counts", TABLES["counts"].empty(), print_of("new"), committed=NOW + timedelta(1))
    commit(store, "segments", make_rows("segments", 1), print_of("scan"))
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM counts") == [(0,)]
        assert rows_of(con, "SELECT count(*), bool_or(current) FROM counts_all") == [(2, False)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.sampled_from("ab"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("again"), st.sampled_from("ab"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("compact"), st.just(""), st.just(0), st.just(0)),
    ),
    max_size=8,
)


@pytest.mark.slow
@given(STEPS)
@settings(max_examples=12)
def test_views_hold_the_newest_of_each_unit_and_all_versions(steps: Sequence[tuple[str, str, int, int]]) -> None:
    known: dict[tuple[str, int], int] = {}
    newest: dict[str, int] = {}
    with TemporaryDirectory() as folder:
        store = Store.create(Path(folder, "store"))
        for number, (what, unit, version, rows) in enumerate(steps):
            time = NOW + timedelta(minutes=number)
            if what == "compact":
                compact(store, grace_h=0.0)
            elif what == "commit" and (unit, version) not in known:
                fingerprint = print_of(unit, version)
                commit(
                    store, "counts", make_rows("counts", rows), fingerprint, unit, committed=time, run_id=f"r{number}"
                )
                known[unit, version], newest[unit] = rows, version
            elif what == "again" and (unit, version) in known:
                held = store.find_receipt("counts", "cam1", DATE, unit, print_of(unit, version))
                assert held is not None
                store.reaffirm(held, f"r{number}", time)
                newest[unit] = version
        with open_sql(store, query="counts_all") as con:
            ((count,),) = rows_of(con, "SELECT count(*) FROM counts")
            every = rows_of(con, "SELECT unit, fingerprint, current, count(*) FROM counts_all GROUP BY ALL")
    assert count == sum(known[unit, version] for unit, version in newest.items())
    assert sorted(every) == sorted(
        (unit, print_of(unit, version), newest[unit] == version, rows) for (unit, version), rows in known.items()
    )
