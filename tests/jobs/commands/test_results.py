"""No export gives away what is in a sensitive table, by whatever name, view, file or function a query asks for it."""

import csv
import sys
from base64 import b64encode
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.commands.exports import export_result
from jobs.commands.results import query
from jobs.site import Site, open_site
from schemas.errors import QueryError, UserError
from schemas.tables import TABLES, Privacy
from storage.maintenance.compaction import compact
from storage.sql.views import IN_FILES
from storage.store.journal import RunRecord
from storage.store.store import Store
from tests.storage.rows import NOW, make_rows, print_of, put
from tests.storage.sql_site import make_site

HUSH = b"a face on the wall"
SPELLINGS = (HUSH.decode(), HUSH.hex(), HUSH.hex().upper(), b64encode(HUSH).decode())

NAMES = (
    "SELECT hex(png) FROM backgrounds",
    'SELECT hex(png) FROM "BackGrounds"',
    "SELECT base64(png) FROM memory.main.backgrounds",
    'SELECT hex(png) FROM "memory"."main"."backgrounds_all"',
    "SELECT hex(png) FROM main.backgrounds_all WHERE current",
    "TABLE backgrounds",
    "FROM backgrounds_all",
    "WITH b AS MATERIALIZED (FROM backgrounds) SELECT hex(png) FROM b",
    "WITH RECURSIVE r AS (SELECT png, 1 AS n FROM backgrounds UNION ALL SELECT png, n + 1 FROM r WHERE n < 2) FROM r",
    "SELECT (SELECT hex(max(png)) FROM backgrounds) AS picture",
    "SELECT (SELECT hex(b.png) FROM backgrounds b WHERE b.camera = d.camera LIMIT 1) FROM detections d",
    "SELECT hex(b.png) FROM detections d, LATERAL (FROM backgrounds b WHERE b.camera = d.camera) b",
    "SELECT hex(png) FROM detections ASOF JOIN backgrounds ON detections.camera >= backgrounds.camera",
    "SELECT hex(png) FROM detections FULL JOIN backgrounds ON false",
    "SELECT count(*) FROM detections WHERE EXISTS (FROM backgrounds WHERE hex(png) LIKE '61%')",
    "SELECT camera FROM detections UNION ALL BY NAME FROM backgrounds",
    "SELECT hex(png) FROM backgrounds USING SAMPLE 1 ROWS",
    "SUMMARIZE backgrounds",
    "PIVOT backgrounds ON camera IN ('cam1') USING max(hex(png))",
    "UNPIVOT (SELECT hex(png) AS a FROM backgrounds) ON a",
    "SELECT COLUMNS('png') FROM (FROM backgrounds)",
    "FROM query_table('backgrounds')",
    "FROM query_table(['backgrounds', 'backgrounds'])",
    "FROM query('FROM back' || 'grounds')",
    "EXPLAIN ANALYZE FROM backgrounds",
    "SELECT any_value(b) FROM backgrounds AS b",
    "SELECT list(struct_pack(p := png)) FROM backgrounds",
    "SELECT error(hex(png)) FROM backgrounds",
    "SELECT hex(png)::INTEGER FROM backgrounds",
)
"""Queries that read the table as a table; {path}, {store} and {outside} as in FILES."""

FILES = (
    "FROM read_parquet('{path}')",
    "FROM '{path}'",
    "FROM parquet_scan(['{path}'])",
    "SELECT content::VARCHAR FROM read_blob('{path}')",
    "FROM read_text('{path}')",
    "FROM read_csv('{path}', header = false, columns = {{'a': 'VARCHAR'}}, strict_mode = false)",
    "FROM read_json('{path}')",
    "FROM read_blob('{store}/backgrounds/*/*/*')",
    "FROM read_blob('{store}/*/*/*/*.parquet')",
    "FROM read_blob('{store}/**')",
    "FROM read_blob('{store}/back[g]rounds/*/*/*.parquet')",
    "FROM read_blob('{store}/{{detections,backgrounds}}/*/*/*')",
    "FROM read_blob('{store}/detections/../backgrounds/*/*/*')",
    "FROM read_blob('{store}/detections/camera=cam1/../../backgrounds/*/*/*')",
    "FROM read_blob('{store}/detections/./../backgrounds/*/*/*')",
    "FROM read_blob('{store}//backgrounds/*/*/*')",
    "FROM read_blob('file:{path}')",
    "FROM read_blob('file://{path}')",
    "FROM read_blob('/proc/self/root{path}')",
    "FROM read_parquet(_nightshift_files('backgrounds/date/2026-03/whole'))",
    "FROM read_parquet(_nightshift_files('backgrounds/month/2026-02/whole'))",
    "FROM read_parquet(_nightshift_files('backgrounds_all/date'))",
    "FROM glob('{store}/backgrounds/**')",
    "FROM parquet_metadata('{path}')",
    "FROM parquet_schema('{path}')",
    "FROM parquet_kv_metadata('{path}')",
    "FROM parquet_file_metadata('{path}')",
    "FROM parquet_bloom_probe('{path}', 'camera', 'cam1')",
    "FROM sniff_csv('{path}')",
    "FROM read_blob('{store}/_exports/*')",
    "FROM read_blob('{store}/_parts/**')",
    "FROM ST_Read('{path}')",
    "FROM ST_Read('/vsisubfile/0_100000,{path}')",
)
"""Queries that read the table's files."""

STATEMENTS = (
    "COPY (SELECT hex(png) FROM backgrounds) TO '{outside}/out.csv'",
    "COPY backgrounds TO '{outside}/out.parquet'",
    "COPY (FROM backgrounds) TO '{store}/detections/camera=cam1/date=2026-03-02/x.parquet'",
    "EXPORT DATABASE '{outside}/out'",
    "ATTACH '{outside}/out.db'",
    "ATTACH '{path}' AS pictures",
    "CREATE MACRO pictures() AS TABLE FROM backgrounds",
    "CREATE TEMP VIEW pictures AS FROM backgrounds",
    "CREATE TABLE pictures AS FROM backgrounds",
    "CREATE OR REPLACE VIEW backgrounds AS FROM read_parquet('{path}')",
    "PREPARE pictures AS FROM backgrounds",
    "EXECUTE pictures",
    "CALL query('FROM backgrounds')",
    "PRAGMA storage_info('backgrounds')",
    "SET allowed_directories = ['{store}/']",
    "SET enable_external_access = true",
    "SET VARIABLE picture = (SELECT max(hex(png)) FROM backgrounds)",
    "SELECT 1; SELECT hex(png) FROM backgrounds",
    "EXPLAIN ANALYZE COPY (FROM backgrounds) TO '{outside}/out.csv'",
    "LOAD parquet",
)
"""Statements that are no query."""

HARMLESS = (
    "SELECT hex(png) FROM backgrounds LIMIT 0",
    "SELECT hex(png) FROM backgrounds WHERE false",
    "DESCRIBE backgrounds",
    "EXPLAIN FROM backgrounds",
    "PRAGMA table_info('backgrounds')",
    "PRAGMA show_tables",
    "FROM duckdb_views()",
    "FROM duckdb_columns()",
    "FROM information_schema.columns",
    "FROM receipts",
    "SELECT _nightshift_files('backgrounds/date/2026-03/whole')",
)
"""Queries that may be answered: what they tell is names of tables, columns and files."""


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with pictures in loose files, in a merged file of a month, and in a version that is live no more."""
    root = tmp_path_factory.mktemp("secretive")
    make_site(root)
    store = Store.create(root / "store")
    for date in ("2026-02-28", "2026-03-02"):
        for unit in "ab":
            put(store, "detections", make_rows("detections"), unit, print_of(unit, date), date=date)
            put(store, "backgrounds", pictures(), unit, print_of("p", unit, date), date=date)
    compact(store, grace_h=0)
    for unit in "bc":
        put(store, "backgrounds", pictures(), unit, print_of("again", unit), committed=NOW.replace(day=3))
    put(store, "detections", make_rows("detections"), "c", print_of("c"))
    site = open_site(root)
    site.journal.write_run(RunRecord("r1", NOW, ended=NOW.replace(day=4), state="done"))
    site.store.blobs.write("_exports/e.json", HUSH)
    site.store.blobs.write("_parts/camera=cam1/date=2026-03-02/p.mp4", HUSH)
    return site


def pictures() -> pa.Table:
    rows = make_rows("backgrounds")
    place = rows.schema.get_field_index("png")
    return rows.set_column(place, rows.schema.field("png"), pa.array([HUSH] * rows.num_rows, pa.binary()))


def fill_in(text: str, site: Site, outside: Path) -> str:
    store = Path(site.store.blobs.url).resolve()
    path = max((store / "backgrounds").glob("*/date=*/*.parquet"))
    return text.format(path=path, store=store, outside=outside)


def assert_untold(text: str) -> None:
    assert not [spelling for spelling in SPELLINGS if spelling in text]


@pytest.mark.parametrize(
    ("text", "as_of"),
    [
        *((text, None) for text in (*NAMES, *FILES, *STATEMENTS)),
        # Names are refused alike whatever the moment; lists of files differ.
        *((text, "r1") for text in (*NAMES[::4], *(text for text in FILES if "_nightshift_files" in text))),
    ],
)
def test_no_export_gives_away_a_sensitive_table(secretive: Site, tmp_path: Path, text: str, as_of: str | None) -> None:
    target = tmp_path / "x.csv"
    with pytest.raises(UserError) as refused:
        export_result(secretive, fill_in(text, secretive, tmp_path), target, None, as_of)
    assert_untold(str(refused.value))
    assert list(tmp_path.iterdir()) == [] and "\n" not in str(refused.value)


@pytest.mark.parametrize("text", HARMLESS)
def test_names_of_tables_and_files_are_no_secret(secretive: Site, tmp_path: Path, text: str) -> None:
    csv.field_size_limit(sys.maxsize)
    export_result(secretive, text, tmp_path / "x.csv")
    assert_untold((tmp_path / "x.csv").read_text())


@pytest.mark.parametrize("name", ["Backgrounds", "main.backgrounds", "backgrounds_all", "exports", "sign_offs"])
def test_no_name_of_a_sensitive_table_is_exported(secretive: Site, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"sensitive|no table"):
        export_result(secretive, name, tmp_path / "x.csv")


def test_every_sensitive_table_is_refused(secretive: Site, tmp_path: Path) -> None:
    views = [(spec, view) for spec in TABLES.values() for view in (spec.name, f"{spec.name}_all") if is_view(view)]
    others = [view for spec, view in views if spec.privacy is not Privacy.SENSITIVE]
    text = "SELECT " + ", ".join(f"(SELECT count(*) FROM {view}) AS {view}" for view in others)
    assert export_result(secretive, text, tmp_path / "x.csv").rows == 1 and len(others) > 40
    for spec, view in views:
        if spec.privacy is Privacy.SENSITIVE:
            with pytest.raises(QueryError, match=f"table {spec.name} is of privacy class 'sensitive'"):
                export_result(secretive, f"SELECT count(*) FROM {view}", tmp_path / "x.csv")


def is_view(name: str) -> bool:
    return name in TABLES or name.removesuffix("_all") in IN_FILES


def test_the_owners_own_query_reads_everything(secretive: Site) -> None:
    assert HUSH.hex().upper() in query(secretive, NAMES[0])[0].to_pylist()
    assert query(secretive, "SELECT count(*) AS n FROM backgrounds_all")["n"].to_pylist() == [18]
