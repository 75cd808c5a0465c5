"""A store for Python programs: SQL, Arrow tables and GeoDataFrames in a line each."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import duckdb
import pyarrow as pa
import shapely
from pyproj import CRS

from schemas.errors import QueryError, SiteError
from storage.exports.geometries import GEOMETRY, Geometries, geometries_of, geometry_column
from storage.site.file import SITE_FILE, WGS84, SiteFiles, load_site
from storage.sql import as_query, check_read_only, one_line_message, open_sql, run_query
from storage.store.store import STORE_FILE, Store

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame


def open_store(path: str | Path, *, as_of: str | None = None, unsafe: bool = False) -> "OpenedStore":
    """Opens a store to be read, as it stands now.

    ::

        with open_store("my-site") as store:
            busiest = store.sql("SELECT zone, max(max_count) FROM counts GROUP BY zone")
            tracks = store.arrow("tracks")
            positions = store.geo("SELECT * FROM positions WHERE camera = 'hall' AND date = '2026-03-02'")

    Args:
        path: folder of a site, or of a store, or an object store's ``s3://bucket/prefix``. A store by itself does not
            say what its cameras' time zones, its zones and its CRS are.
        as_of: the run that the tables are to be seen as of; None for now.
        unsafe: queries may also read and write other files, attach databases, and change settings.

    Raises:
        SiteError: there is neither a site nor a store.
        SelectionError: there is no such run.
    """
    if "://" not in str(path) and Path(path, SITE_FILE).exists():
        site = load_site(Path(path))
        return OpenedStore(Store.open(site.store), site, as_of, unsafe)
    store = Store.open(path)
    if not store.blobs.exists(STORE_FILE):
        raise SiteError(f"{path} is neither a site ({SITE_FILE}) nor a store: name the folder of one")
    return OpenedStore(store, None, as_of, unsafe)


class OpenedStore:
    """A store that is open for reading; close it, or use it in a ``with`` block.

    Attributes:
        connection: DuckDB, with a view for every table, for what the methods do not do. DuckDB keeps it from other
            files; a program that uses it may still write below the store's tables, where nobody will read it.
        site: whose store it is, if that is known.
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
        self.connection = open_sql(store, site, as_of, unsafe, calibration_error_m=calibration_error_m)

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """A query as a DuckDB relation, which is run when its rows are asked for.

        Raises:
            QueryError: it does more than read, or DuckDB refuses it.
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
        """Rows of a table or a query.

        Raises:
            QueryError: DuckDB refuses it, or it does more than read and the store was not opened ``unsafe``.
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
        """Rows with a place: a geometry column, or points of ``x_m`` and ``y_m``, or of ``lon`` and ``lat``.

        Its CRS is the site's. Where that is not known, longitude and latitude are preferred; features in pixels of a
        camera have no CRS.

        Raises:
            QueryError: as for ``arrow``.
            UserError: the rows have no place.
        """
        from geopandas import GeoDataFrame

        rows = _with_wkb(self.arrow(table_or_query))
        shapes, crs = self._placed(rows)
        plain = [name for name in rows.column_names if name != geometry_column(rows)]
        return GeoDataFrame(rows.select(plain).to_pandas(), geometry=shapes, crs=crs)

    def _placed(self, rows: pa.Table) -> tuple[Geometries, str | None]:
        """One shape a row, and the CRS, if it is known."""
        geometry = geometry_column(rows)
        in_pixels = "space" in rows.column_names and "pixel" in rows["space"].to_pylist()
        if geometry is not None and (in_pixels or self.site is None):
            return shapely.from_wkb(rows[geometry].to_numpy(zero_copy_only=False)), None
        if self.site is not None:
            return geometries_of(rows, CRS.from_user_input(self.site.config.crs)), self.site.config.crs
        has_degrees = {"lon", "lat"} <= set(rows.column_names)
        in_metres = [] if not has_degrees else [name for name in ("x_m", "y_m") if name in rows.column_names]
        return geometries_of(rows.drop_columns(in_metres), CRS.from_user_input(WGS84)), WGS84 if has_degrees else None

    def close(self) -> None:
        """Closes the connection, and every cursor of it."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _with_wkb(rows: pa.Table) -> pa.Table:
    """Rows with WKB where there is WKT: so geometry is without the spatial extension."""
    if GEOMETRY not in rows.column_names or not pa.types.is_string(rows.schema.field(GEOMETRY).type):
        return rows
    shapes = shapely.from_wkt(rows[GEOMETRY].to_numpy(zero_copy_only=False))
    return rows.set_column(rows.column_names.index(GEOMETRY), GEOMETRY, pa.array(shapely.to_wkb(shapes), pa.binary()))
