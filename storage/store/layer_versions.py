"""Keeps every version of a site's layers in the store, so that a query as of a run sees the zones that counted then.

::

    _layers/files/NAME-VERSION.parquet   features of one version of a layer, with their attributes
    _layers/records/RUN.json             the versions of all layers from a run on, if they differ from those before

A version is the hash of the layer's file, its part of site.toml and the site's CRS. Files are written once and never
purged: they are places, and no people. A layer that was read once is read from here, which for large files is quicker.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import NightshiftError
from schemas.site_views import LayerConfig
from schemas.tables import TABLES
from schemas.values import Feature, FeatureKind
from storage.files import first_line, safe_name
from storage.site.file import SiteFiles, layer_path
from storage.sql.macros import FEATURE_COLUMNS, layer_table
from storage.store.layout import LAYER_FILES, LAYER_RECORDS
from storage.store.records import parse_record, parse_time, read_whole_folder, record_bytes
from storage.store.snapshot import end_of_run
from storage.store.store import Store

FORMAT = 1
VERSION_DIGITS = 16
_SIDECARS = (".dbf", ".shx", ".prj", ".cpg")
"""Suffixes of the files that belong to a shapefile."""


@dataclass(frozen=True)
class LayerVersion:
    """One version of a layer.

    Attributes:
        config: its part of site.toml.
        version: hash of the file's content, of ``config`` and of the site's CRS.
        features: how many it has.
        notices: what was repaired, and what else a user should know.
        sha256: hash of the file with its rows; None in records of an earlier Nightshift.
    """

    config: LayerConfig
    version: str
    features: int
    notices: tuple[str, ...]
    sha256: str | None = None

    @property
    def file(self) -> str:
        """The name of the file with its rows, relative to the store."""
        return f"{LAYER_FILES}/{safe_name(self.config.name)}-{self.version}.parquet"


@dataclass(frozen=True)
class LayerRecord:
    """The layers of a site from a run on.

    Attributes:
        crs: the site's CRS, in which the features are.
    """

    run_id: str
    time: datetime
    crs: str
    layers: tuple[LayerVersion, ...]


def record_layers(site: SiteFiles, store: Store, run_id: str, time: datetime) -> tuple[str, ...]:
    """Stores the versions of all layers that the store does not have, and returns what reference layers have to say.

    Args:
        site: the site; its layers are readable.
        store: the store.
        run_id: the run that counts with them.
        time: of the run.

    Raises:
        SiteError: a layer cannot be read.
        StoreFull: no space is left.
    """
    known = read_layer_records(store)
    stored = {layer.file: layer for record in known for layer in record.layers}
    layers = tuple(_stored_layer(site, number, store, stored) for number in range(len(site.config.layers)))
    newest = known[-1] if known else LayerRecord("", time, site.config.crs, ())
    if (newest.layers, newest.crs) != (layers, site.config.crs):
        content = {
            "format": FORMAT,
            "run_id": run_id,
            "time": time.isoformat(),
            "crs": site.config.crs,
            "layers": [
                {**asdict(layer), "config": layer.config.model_dump(mode="json", exclude_unset=True)}
                for layer in layers
            ],
        }
        store.blobs.write(f"{LAYER_RECORDS}/{safe_name(run_id)}.json", record_bytes(content))
    return tuple(notice for layer in layers if layer.config.role == "reference" for notice in layer.notices)


def _stored_layer(site: SiteFiles, number: int, store: Store, stored: dict[str, LayerVersion]) -> LayerVersion:
    """Returns the current version of a layer; its rows are in the store afterwards."""
    config = site.config.layers[number]
    version = LayerVersion(config, layer_version(site, number), 0, ())
    if version.file in stored and store.blobs.exists(version.file):
        return stored[version.file]
    from storage.site.layers import load_layer  # GIS libraries, which most queries do not need

    layer = load_layer(site, number)
    sink = pa.BufferOutputStream()
    pq.write_table(layer_table(layer.features, layer.attributes), sink, compression="zstd")
    content = sink.getvalue().to_pybytes()
    store.blobs.write(version.file, content)
    return replace(version, features=len(layer.features), notices=layer.notices, sha256=sha256(content).hexdigest())


def layer_version(site: SiteFiles, number: int) -> str:
    """Returns the version of a layer as its file is now, 16 hex digits.

    Raises:
        SiteError: there is no such file.
    """
    path = layer_path(site, number)
    parts = [sha256(site.config.crs.encode()).hexdigest()]
    parts.append(sha256(site.config.layers[number].model_dump_json().encode()).hexdigest())
    for file in (path, *(path.with_suffix(suffix) for suffix in _SIDECARS if path.suffix.lower() == ".shp")):
        parts.append(_digest(file) if file.is_file() else "")
    return sha256("".join(parts).encode()).hexdigest()[:VERSION_DIGITS]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def read_layer_rows(store: Store, layer: LayerVersion) -> pa.Table:
    """Returns the rows of a version of a layer.

    Raises:
        NightshiftError: its file is missing or damaged.
    """
    try:
        return pq.read_table(pa.BufferReader(store.blobs.read(layer.file)))
    except (OSError, pa.ArrowException) as error:
        raise NightshiftError(
            f"{store.blobs.url}/{layer.file}, a version of layer {layer.config.name}, cannot be read: "
            f"{first_line(error)}; restore it from a backup, or delete it, and `nightshift run` writes it again if the "
            "layer is still the same"
        ) from error


def current_rows(site: SiteFiles, store: Store, number: int) -> pa.Table:
    """Returns the rows of a layer as its file is now: from the store if a run has read it, else from the file.

    Raises:
        SiteError: the file is missing, or has to be read and cannot.
        NightshiftError: its version in the store is damaged.
    """
    version = LayerVersion(site.config.layers[number], layer_version(site, number), 0, ())
    if store.blobs.exists(version.file):
        return read_layer_rows(store, version)
    from storage.site.layers import load_layer  # GIS libraries, which most queries do not need

    site.check_crs()
    layer = load_layer(site, number)
    return layer_table(layer.features, layer.attributes)


def layers_at(store: Store, moment: datetime) -> LayerRecord | None:
    """Returns the layers at a moment; None if no run had recorded any."""
    records = [record for record in read_layer_records(store) if record.time <= moment]
    return records[-1] if records else None


def features_as_of(site: SiteFiles, store: Store, run_id: str | None) -> tuple[Feature, ...]:
    """Returns the zones and lines that counted when a run ended; those of the files now, for None or older stores.

    Raises:
        SelectionError: there is no such run.
        NightshiftError: a version of a layer is damaged.
    """
    from storage.site.layers import load_features

    recorded = _recorded(store, run_id)
    return load_features(site) if recorded is None else _features(store, recorded, "count")


def references_as_of(site: SiteFiles, store: Store, run_id: str | None) -> tuple[Feature, ...]:
    """Returns the features of reference layers on the map when a run ended; otherwise as ``features_as_of``."""
    from storage.site.layers import load_references

    recorded = _recorded(store, run_id)
    return load_references(site) if recorded is None else _features(store, recorded, "reference", "map")


def _recorded(store: Store, run_id: str | None) -> LayerRecord | None:
    return None if run_id is None else layers_at(store, end_of_run(store, run_id))


def _features(store: Store, recorded: LayerRecord, role: str, space: str | None = None) -> tuple[Feature, ...]:
    """Returns the features of the recorded layers of a role, and of a space if one is given."""
    import shapely

    layers = [each for each in recorded.layers if each.config.role == role and space in (None, each.config.space)]
    tables = [read_layer_rows(store, each) for each in layers]
    rows = [row for table in tables for row in table.select(FEATURE_COLUMNS).to_pylist()]
    return tuple(
        Feature(
            row["feature_id"],
            row["layer"],
            FeatureKind(row["kind"]),
            row["space"],
            row["camera"],
            shapely.from_wkt(row["wkt"]),
            row["storey"],
        )
        for row in rows
    )


def read_layer_records(store: Store) -> list[LayerRecord]:
    """Returns all records, by time.

    Raises:
        NightshiftError: one is damaged.
    """
    advice = "restore it from a backup, or delete it: queries as of its run then take the layers before"
    found = read_whole_folder(store.blobs, LAYER_RECORDS, parse_layer_record, "a site's layers", advice)
    return sorted(found, key=lambda record: record.time)


def recorded_layer_files(store: Store) -> dict[str, str | None]:
    """Returns the hash of each file with a version of a layer, by name; None where no record has it.

    Raises:
        NightshiftError: a record is damaged.
    """
    # A file that was lost and written again may differ: the newest record counts.
    return {layer.file: layer.sha256 for record in read_layer_records(store) for layer in record.layers}


def parse_layer_record(name: str, content: bytes) -> LayerRecord:
    """Returns the record in a file.

    Raises:
        ValueError: it is torn, or lies under another's name.
    """
    fields = parse_record(content, FORMAT)
    try:
        layers = tuple(
            LayerVersion(
                LayerConfig(**each["config"]),
                each["version"],
                each["features"],
                tuple(each["notices"]),
                each.get("sha256"),
            )
            for each in fields["layers"]
        )
        record = LayerRecord(fields["run_id"], parse_time("time", fields["time"]), fields["crs"], layers)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a field is missing or wrong: {error}") from error
    if name != f"{LAYER_RECORDS}/{safe_name(record.run_id)}.json":
        raise ValueError(f"run_id is {record.run_id!r}: the file has the name of another record")
    return record


def layer_versions_table(store: Store) -> pa.Table:
    """Returns the table ``layer_versions``: a row for each version of a layer, from the run on that first used it."""
    rows, before = [], dict[str, str]()
    for record in read_layer_records(store):
        rows += [_row(record, layer) for layer in record.layers if before.get(layer.config.name) != layer.version]
        before = {layer.config.name: layer.version for layer in record.layers}
    spec = TABLES["layer_versions"]
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})


def _row(record: LayerRecord, layer: LayerVersion) -> dict[str, object]:
    plain: Sequence[str] = ("role", "space", "storey")
    return {
        "layer": layer.config.name,
        "version": layer.version,
        "since": record.time,
        "run_id": record.run_id,
        "file": layer.config.file,
        "crs": record.crs,
        "features": layer.features,
        "notices": "; ".join(layer.notices),
        **{name: getattr(layer.config, name) for name in plain},
    }
