"""Connections over Arrow tables share a database, and nothing else."""

import multiprocessing
import threading

import duckdb
import pyarrow as pa
import pytest

from storage.arrow_sql import connect_arrow


def count_rows(size: int) -> int:
    with connect_arrow() as con:
        con.register("rows", pa.table({"n": list(range(size))}))
        con.execute("CREATE TEMP TABLE copied AS SELECT * FROM rows")
        ((count,),) = con.execute("SELECT count(*) FROM copied").fetchall()
    return int(count)


def test_tables_belong_to_one_connection():
    with connect_arrow() as con, connect_arrow() as other:
        con.register("mine", pa.table({"n": [1]}))
        con.execute("CREATE TEMP TABLE copied AS SELECT * FROM mine")
        for name in ("mine", "copied"):
            with pytest.raises(duckdb.CatalogException):
                other.execute(f"SELECT * FROM {name}")
    assert count_rows(3) == 3, "names are free again"


def test_threads_have_their_own_tables():
    counts = {}
    threads = [threading.Thread(target=lambda size=size: counts.update({size: count_rows(size)})) for size in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == {size: size for size in range(8)}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_opens_its_own_database():
    assert count_rows(2) == 2
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(count_rows, [5]).get(timeout=60) == 5
