"""What cannot be made fails only where it is read."""

from pathlib import Path

import pytest

from schemas.errors import QueryError
from storage.sql.connection import open_sql
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.rows import make_rows, put
from tests.storage.sql_site import make_site, root_of, rows_of


def test_what_cannot_be_read_fails_only_queries_that_need_it(store: Store, tmp_path: Path) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    site = make_site(tmp_path / "site")
    put(store, "tracks", make_rows("tracks"))
    (root_of(store) / receipt.files["detections"]).unlink()
    (site.root / "zones.geojson").unlink()
    with open_sql(store, site) as con:
        assert rows_of(con, "SELECT count(*) FROM tracks") == [(3,)]
        with pytest.raises(QueryError, match=r"\.parquet.*open the store again"):
            run_query(con, "SELECT count(*) FROM detections")
        with pytest.raises(QueryError, match=r"there is no file .*zones\.geojson.*remove the layer$"):
            run_query(con, "FROM features")
