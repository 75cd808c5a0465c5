"""Reads and writes ``site.toml``; a mistake in it is reported in one line with the file, the line and the key."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import ValidationError

from schemas.errors import SiteError
from schemas.site import SiteConfig
from schemas.tables import TABLES
from storage.site.error_messages import Document, describe_error, plain_message
from storage.site.layouts import LAYOUT_SUFFIXES, LAYOUTS, Layout
from storage.site.toml_lines import key_lines

if TYPE_CHECKING:
    from pyproj import CRS, Transformer

SITE_FILE = "site.toml"
FOLDERS = ("archive", "models", "layers")
WGS84 = "OGC:CRS84"

_TEMPLATE = Path(__file__).with_name("template.toml")
_PATTERN_LINE = 'pattern = "{camera}/%Y-%m-%dT%H-%M-%S"'


@dataclass(frozen=True)
class SiteFiles:
    """A site's folder, its ``site.toml``, and the locations that this names."""

    root: Path
    config: SiteConfig

    @property
    def archive(self) -> str:
        """Location of the footage: a folder or ``s3://BUCKET/PREFIX``, for ``storage.blobs.open_blobs``."""
        return _location(self.root, self.config.archive)

    @property
    def store(self) -> str:
        """Location of the results: a folder or ``s3://BUCKET/PREFIX``, for ``storage.store.store.Store``."""
        return _location(self.root, self.config.store)

    @property
    def models(self) -> Path:
        """Folder of the site's own model weights."""
        return self.root / "models"

    def check_crs(self) -> None:
        """Checks that the site's CRS is one of metres east and north.

        Raises:
            SiteError: it is not, or unknown.
        """
        from storage.site.crs import crs_problem

        if problem := crs_problem(self.config.crs):
            raise SiteError(Document.read(self.root / SITE_FILE).at(("crs",), problem))


def load_site(root: Path, checks_crs: bool = True) -> SiteFiles:
    """Reads and checks ``site.toml`` in the folder ``root``.

    Args:
        root: the site's folder.
        checks_crs: False for work that calls ``SiteFiles.check_crs`` itself, where it comes to need the CRS.

    Raises:
        SiteError: the file is missing or has a mistake; one line with file, line, key, problem and advice.
    """
    document = Document.read(root / SITE_FILE)
    try:
        config = SiteConfig.model_validate(document.table)
    except ValidationError as error:
        raise SiteError(describe_error(document, error)) from error
    for key, problem in (
        ("archive", _location_problem(config.archive, writing=False)),
        ("store", _location_problem(config.store, writing=True)),
    ):
        if problem:
            raise SiteError(document.at((key,), problem))
    site = SiteFiles(root, config)
    if checks_crs:
        site.check_crs()
    return site


def find_key_line(root: Path, path: Sequence[str | int]) -> int | None:
    """Returns the line of a key in ``site.toml``, such as ``("ops", "detect", "fps")``, or None if it is absent."""
    try:
        text = (root / SITE_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return key_lines(text).get(tuple(path))


def write_new_site(root: Path, name: str, crs: str, timezone: str, layout: Layout | None = None) -> Path:
    """Writes a commented ``site.toml`` and the folders of a new site; returns the file's path.

    Args:
        layout: the recorder whose paths ``pattern`` describes.

    Raises:
        SiteError: ``site.toml`` exists, the folder cannot be written, or CRS or time zone are invalid.
    """
    from storage.site.crs import crs_problem

    target = root / SITE_FILE
    if problem := crs_problem(crs):
        raise SiteError(f"--crs: {problem}")
    try:
        SiteConfig(name=name, crs=crs, timezone=timezone)
    except ValidationError as error:
        raise SiteError("; ".join(plain_message(each) for each in error.errors())) from error
    text = _TEMPLATE.read_text(encoding="utf-8")
    for placeholder, value in (("@NAME@", name), ("@CRS@", crs), ("@TIMEZONE@", timezone)):
        text = text.replace(placeholder, json.dumps(value, ensure_ascii=False), 1)
    if layout:
        text = text.replace(_PATTERN_LINE, _layout_lines(layout), 1)
    try:
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise SiteError(f"{error.filename} exists already; nothing was changed, choose another folder") from error
    except OSError as error:
        raise SiteError(f"cannot write {target}: {error.strerror}; choose a folder that can be written") from error
    return target


def cameras_table(
    site: SiteFiles, extra_cameras: Iterable[str] = (), calibration_error_m: Mapping[str, float] | None = None
) -> pa.Table:
    """Returns the table ``cameras``: the cameras of ``site.toml``, and others that the archive has footage of.

    Args:
        site: the site.
        extra_cameras: camera ids; they may be in ``site.toml`` as well.
        calibration_error_m: residual of the control points' homography in metres, by camera, where known.
    """
    cameras = sorted({camera.id for camera in site.config.cameras} | set(extra_cameras))
    lonlat = to_lonlat(site.config.crs)
    errors = calibration_error_m or {}
    rows = []
    for view in map(site.config.camera_view, cameras):
        row: dict[str, object] = {
            name: getattr(view, name) for name in ("name", "timezone", "fixed", "calibrated", "storey")
        }
        if view.position_m is not None:
            x_m, y_m, _ = view.position_m
            lon, lat = lonlat.transform(x_m, y_m)
            row |= {"x_m": x_m, "y_m": y_m, "lon": lon, "lat": lat}
        rows.append(row | {"camera": view.camera, "calibration_error_m": errors.get(view.camera)})
    return TABLES["cameras"].conform(pa.Table.from_pylist(rows, TABLES["cameras"].schema))


@lru_cache(maxsize=8)
def to_lonlat(crs: "CRS | str") -> "Transformer":
    """Returns what transforms x and y of a CRS to longitude and latitude; PROJ looks for the way for some 50 ms."""
    from pyproj import Transformer  # 50 ms, which most queries do not need

    return Transformer.from_crs(crs, WGS84, always_xy=True)


def layer_path(site: SiteFiles, number: int) -> Path:
    """Returns the file of a layer.

    Raises:
        SiteError: there is none.
    """
    layer = site.config.layers[number]
    path = site.root / layer.file
    if not path.is_file():
        line = find_key_line(site.root, ("layers", number, "file"))
        raise SiteError(
            f"{site.root / SITE_FILE}, line {line}: layer {layer.name}: there is no file {path}; "
            "correct the path (relative to the site's folder) or remove the layer"
        )
    return path


def _location(root: Path, written: str) -> str:
    """Returns an address as written, or a folder's absolute path, since workers run in other folders."""
    if "://" in written:
        return written
    try:
        return str((root / Path(written).expanduser()).absolute())
    except RuntimeError as error:
        raise SiteError(f"{root / 'site.toml'}: {written!r} needs a home, and there is none: set HOME") from error


def _location_problem(written: str, writing: bool) -> str | None:
    """Returns what is wrong with a location, as far as its address shows, or None."""
    if not written.strip():
        return "is empty: name a folder, or s3://BUCKET/PREFIX"
    protocol, separator, path = written.partition("://")
    if not separator:
        return None
    if not path.strip("/"):
        return f"{written} names no bucket: write {protocol}://BUCKET/PREFIX"
    from storage.blobs.remote import known_protocols  # fsspec, which a folder does not need

    if protocol not in known_protocols(writing):
        use = "use a folder or s3://BUCKET/PREFIX"
        if protocol in known_protocols(False):
            return f"{written}: {protocol}:// may let two writers both create one file, so it cannot be a store; {use}"
        return f"{written}: unknown protocol {protocol}://; {use}"
    return None


def _layout_lines(layout: Layout) -> str:
    """Returns the lines of ``site.toml`` for a recorder's layout."""
    patterns = "".join(f"  {json.dumps(pattern)},\n" for pattern in LAYOUTS[layout])
    lines = f"# Paths as {layout} writes them, tried in order.\npattern = [\n{patterns}]"
    if layout in LAYOUT_SUFFIXES:
        lines += f"\nsuffixes = {json.dumps(LAYOUT_SUFFIXES[layout])}"
    return lines
