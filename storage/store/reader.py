"""Reads a store from Python: SQL, Arrow tables, DataFrames and GeoDataFrames."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import duckdb
import pyarrow as pa
import shapely
from pyproj import CRS

from schemas.errors import QueryError, SiteError
from schemas.values import Feature
from storage.exports.geometries import Geometries, crs_of, geometries_of
from storage.exports.geometry_columns import GEOMETRY, geometry_column
from storage.exports.places import with_places
from storage.site.file import SITE_FILE, WGS84, SiteFiles, load_site
from storage.sql.connection import open_sql
from storage.sql.query import as_query, check_read_only, one_line_message, run_query
from storage.store.format import STORE_FILE
from storage.store.layer_versions import features_as_of
from storage.store.store import Store

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame


def open_store(path: str | Path, *, as_of: str | None = None, unsafe: bool = False) -> "StoreReader":
    """Opens a store for reading, as it is now.

        with open_store("my-site") as store:
            busiest = store.sql("SELECT zone, max(max_count) FROM counts GROUP BY zone")
            tracks = store.arrow("tracks")
            positions = store.geo("SELECT * FROM positions WHERE camera = 'hall' AND date = '2026-03-02'")

    Args:
        path: folder of a site or of a store, or an object store's ``s3://bucket/prefix``. A store without its site
            has no zones, no CRS and no time zones of cameras.
        as_of: run at whose end the tables are read; None for now.
        unsafe: lets queries read and write other files, attach databases, and change settings.

    Raises:
        SiteError: there is neither a site nor a store.
        SelectionError: there is no such run.
    """
    if "://" not in str(path) and Path(path, SITE_FILE).exists():
        site = load_site(Path(path))
        return StoreReader(Store.open(site.store), site, as_of, unsafe)
    store = Store.open(path)
    if not store.blobs.exists(STORE_FILE):
        raise SiteError(f"{path} is neither a site ({SITE_FILE}) nor a store: name the folder of one")
    return StoreReader(store, None, as_of, unsafe)


class StoreReader:
    """A store that is open for reading. Close it, or use it in a ``with`` block.

    Attributes:
        connection: DuckDB connection with a view per table, for what the methods do not offer. DuckDB keeps it from
            other files, but not from writing below the store's tables, where nobody reads what it wrote.
        site: the site of the store; None if it is not known.
    """

    def __init__(
        self,
        store: Store,
        site: SiteFiles | None = None,
        as_of: str | None = None,
        unsafe: bool = False,
        calibration_error_m: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self.site = site
        self._store, self._as_of = store, as_of
        self.connection = open_sql(store, site, as_of, unsafe, calibration_error_m=calibration_error_m)

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """Returns a query as a DuckDB relation, which runs when its rows are fetched.

        Raises:
            QueryError: the query would change something, or DuckDB refuses it.
        """
        try:
            check_read_only(self.connection, self.connection.extract_statements(query))
            relation = self.connection.sql(query)
        except duckdb.Error as error:
            raise QueryError(one_line_message(error)) from error
        if relation is None:
            raise QueryError("there is no statement in the query")
        return relation

    def arrow(self, table_or_query: str) -> pa.Table:
        """Returns the rows of a table or a query.

        Raises:
            QueryError: DuckDB refuses it, or it would change something and the store was not opened ``unsafe``.
        """
        return run_query(self.connection, as_query(table_or_query))

    def df(self, table_or_query: str) -> "DataFrame":
        """Returns rows of a table or a query as a pandas DataFrame.

        Raises:
            QueryError: as for ``arrow``.
        """
        frame: DataFrame = self.arrow(table_or_query).to_pandas()
        return frame

    def geo(self, table_or_query: str) -> "GeoDataFrame":
        """Returns rows with a geometry: a geometry column, or points of ``x_m`` and ``y_m``, or of ``lon`` and ``lat``.

        Rows that only name a zone or a line, such as those of ``counts`` and ``flows``, have its shape.
        The CRS is the site's. Without a site, longitude and latitude are preferred; features in pixels of a camera
        have no CRS.

        Raises:
            QueryError: as for ``arrow``.
            UserError: the rows have no location.
        """
        from geopandas import GeoDataFrame

        rows = with_places(_with_wkb(self.arrow(table_or_query)), self._features)
        geometries, crs = self._geometries(rows)
        plain = [name for name in rows.column_names if name != geometry_column(rows)]
        return GeoDataFrame(rows.select(plain).to_pandas(), geometry=geometries, crs=crs)

    def _features(self) -> Sequence[Feature]:
        return () if self.site is None else features_as_of(self.site, self._store, self._as_of)

    def _geometries(self, rows: pa.Table) -> tuple[Geometries, str | None]:
        """Returns one geometry per row, and the CRS if it is known."""
        geometry = geometry_column(rows)
        in_pixels = "space" in rows.column_names and "pixel" in rows["space"].to_pylist()
        if geometry is not None and (in_pixels or self.site is None):
            return shapely.from_wkb(rows[geometry].to_numpy(zero_copy_only=False)), None
        if self.site is not None:
            crs = crs_of(rows, CRS.from_user_input(self.site.config.crs))
            return geometries_of(rows, crs), None if crs.is_engineering else self.site.config.crs
        has_degrees = {"lon", "lat"} <= set(rows.column_names)
        in_metres = [] if not has_degrees else [name for name in ("x_m", "y_m") if name in rows.column_names]
        return geometries_of(rows.drop_columns(in_metres), CRS.from_user_input(WGS84)), WGS84 if has_degrees else None

    def close(self) -> None:
        """Closes the connection and all of its cursors."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _with_wkb(rows: pa.Table) -> pa.Table:
    """Returns rows with WKB in place of WKT, which geometry is without DuckDB's spatial extension."""
    if GEOMETRY not in rows.column_names or not pa.types.is_string(rows.schema.field(GEOMETRY).type):
        return rows
    shapes = shapely.from_wkt(rows[GEOMETRY].to_numpy(zero_copy_only=False))
    return rows.set_column(rows.column_names.index(GEOMETRY), GEOMETRY, pa.array(shapely.to_wkb(shapes), pa.binary()))
