"""Writes a Cloud Optimized GeoTIFF of density: time per area, and people, in square cells."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from schemas.errors import UserError
from storage.exports.density import density_cells, is_cells
from storage.exports.formats.layer import Layer

_NODATA = -1.0
_MAX_PIXELS = 400_000_000
_BANDS = (("density_s_per_m2", "s/m²", "time that people spent per area"), ("people", "1", "tracks, each once"))


def write_density_tiff(layer: Layer, path: Path) -> None:
    """Writes two bands of float32, north up; a cell in which nobody was seen is nodata.

    Raises:
        UserError: the rows are neither positions nor cells, there are none, or they lie too far apart for the cells.
    """
    rows = layer.rows if is_cells(layer.rows) else density_cells(layer.rows)
    if not rows.num_rows:
        raise UserError("a .tif of no cells has no place on the map: choose other rows, or write a .gpkg")
    cell_m = float(rows["cell_m"][0].as_py())
    column, row = (np.floor(rows[name].to_numpy() / cell_m).astype(np.int64) for name in ("x_m", "y_m"))
    width, height = int(np.ptp(column)) + 1, int(np.ptp(row)) + 1
    if width * height > _MAX_PIXELS:
        raise UserError(
            f"cells of {cell_m:g} m give a picture of {width} x {height}: positions lie far apart; give --cell-m a "
            "greater length, or choose a place in the query"
        )
    bands = np.full((len(_BANDS), height, width), _NODATA, np.float32)
    for number, (name, _, _) in enumerate(_BANDS):
        bands[number, row.max() - row, column - column.min()] = rows[name].to_numpy()
    _write(layer, path, bands, (int(column.min()) * cell_m, (int(row.max()) + 1) * cell_m, cell_m))


def _write(layer: Layer, path: Path, bands: npt.NDArray[np.float32], corner: tuple[float, float, float]) -> None:
    from rasterio import Affine, MemoryFile

    west, north, cell_m = corner
    # GDAL's own errors on a full disk have no public class; writing its bytes is an OSError.
    with MemoryFile() as memory:
        with memory.open(
            driver="COG",
            count=len(bands),
            height=bands.shape[1],
            width=bands.shape[2],
            dtype="float32",
            crs=layer.crs.to_wkt(),
            transform=Affine(cell_m, 0, west, 0, -cell_m, north),
            nodata=_NODATA,
            compress="deflate",
            overview_resampling="average",
        ) as file:
            file.write(bands)
            file.units = tuple(unit for _, unit, _ in _BANDS)
            file.descriptions = tuple(f"{name}: {meaning}" for name, _, meaning in _BANDS)
            file.update_tags(TIFFTAG_IMAGEDESCRIPTION=layer.description)
        path.write_bytes(memory.getbuffer())
