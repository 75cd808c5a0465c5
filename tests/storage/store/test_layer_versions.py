"""Every version of a layer stays in the store: queries as of a run see the zones that counted then."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from shapely.geometry import Point

import storage.site.layers
from schemas.errors import NightshiftError
from storage.maintenance.repair import repair
from storage.maintenance.verify import verify
from storage.site.file import SiteFiles, load_site
from storage.sql.connection import open_sql
from storage.sql.query import run_query
from storage.store.journal import Journal, RunRecord
from storage.store.layer_versions import (
    current_rows,
    features_as_of,
    layer_versions_table,
    read_layer_records,
    record_layers,
    references_as_of,
)
from storage.store.reader import open_store
from storage.store.records import record_bytes
from storage.store.store import Store
from tests.storage.rows import NOW
from tests.storage.sql_site import make_site, rows_of


@pytest.fixture
def site(tmp_path: Path) -> SiteFiles:
    return make_site(tmp_path)


@pytest.fixture
def store(site: SiteFiles) -> Store:
    return Store.create(site.store)


def run(site: SiteFiles, store: Store, name: str, hours: int) -> None:
    """Records the layers at the start of a run that takes half an hour."""
    started = NOW + timedelta(hours=hours)
    record_layers(site, store, name, started)
    Journal(store.blobs).finish_run(
        RunRecord(run_id=name, started=started, ended=started + timedelta(minutes=30), state="done", version="0")
    )


def move_door(site: SiteFiles) -> None:
    path = site.root / "zones.geojson"
    document = json.loads(path.read_text())
    (ring,) = document["features"][1]["geometry"]["coordinates"]
    document["features"][1]["geometry"]["coordinates"] = [[[x + 100, y] for x, y in ring]]
    path.write_text(json.dumps(document))


def door_of(store: Store, site: SiteFiles, as_of: str | None = None) -> object:
    with open_sql(store, site, as_of) as con:
        ((wkt,),) = rows_of(con, "SELECT wkt FROM _nightshift.features WHERE feature_id = 'door'")
        ((again,),) = rows_of(con, "SELECT wkt FROM _nightshift.layer_zones WHERE feature_id = 'door'")
    assert wkt == again
    return wkt


def test_a_query_as_of_a_run_sees_the_zones_of_that_run(site: SiteFiles, store: Store) -> None:
    run(site, store, "first", 0)
    before = door_of(store, site)
    move_door(site)
    run(site, store, "second", 1)
    (site.root / "zones.geojson").unlink()  # the history does not depend on the files
    assert door_of(store, site, "first") == before != door_of(store, site, "second")
    doors = [{f.feature_id: f for f in features_as_of(site, store, name)}["door"] for name in ("first", "second")]
    assert doors[1].geometry.distance(doors[0].geometry) == 99.0
    with open_store(site.root, as_of="first") as reader:
        (shape,) = reader.geo("SELECT 'door' AS zone").geometry
    assert shape.equals(doors[0].geometry)


def test_a_version_is_recorded_once_and_known_by_content(site: SiteFiles, store: Store) -> None:
    run(site, store, "first", 0)
    path = site.root / "zones.geojson"
    path.write_bytes(path.read_bytes())  # a new time, the same content
    run(site, store, "second", 1)
    assert [record.run_id for record in read_layer_records(store)] == ["first"]
    move_door(site)
    run(site, store, "third", 2)
    rows = layer_versions_table(store).to_pylist()
    assert [(row["layer"], row["run_id"], row["features"]) for row in rows] == [
        ("door-marks", "first", 1),
        ("zones", "first", 2),
        ("zones", "third", 2),
    ]
    assert len({row["version"] for row in rows}) == 3


def test_a_layer_that_is_removed_is_gone_from_then_on(site: SiteFiles, store: Store) -> None:
    run(site, store, "first", 0)
    toml = site.root / "site.toml"
    toml.write_text(toml.read_text().split('[[layers]]\nname = "door-marks"')[0])
    fewer = load_site(site.root)
    run(fewer, store, "second", 1)
    assert {f.feature_id for f in features_as_of(fewer, store, "second")} == {"hall", "door"}
    with open_sql(store, fewer, "first") as con:
        assert rows_of(con, 'SELECT feature_id, camera FROM "layer_door-marks"') == [("mat", "cam1")]


def test_a_layer_is_read_from_its_file_once(site: SiteFiles, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = current_rows(site, store, 0)
    run(site, store, "first", 0)
    monkeypatch.setattr(storage.site.layers, "read_layer_file", None)
    assert current_rows(site, store, 0).equals(fresh)
    run(site, store, "second", 1)


def test_a_map_as_of_a_run_has_the_reference_layers_of_that_run(site: SiteFiles, store: Store) -> None:
    toml, path = site.root / "site.toml", site.root / "streets.geojson"
    toml.write_text(toml.read_text() + '[[layers]]\nname = "streets"\nfile = "streets.geojson"\nrole = "reference"\n')
    mapped = load_site(site.root)
    for name, hours in (("first", 0), ("second", 1)):
        street = {"type": "LineString", "coordinates": [[4.0, 52.0], [4.001, 52.0 + hours / 1000]]}
        feature = {"type": "Feature", "properties": {"id": name}, "geometry": street}
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
        run(mapped, store, name, hours)
    path.unlink()
    assert [[f.feature_id for f in references_as_of(mapped, store, name)] for name in ("first", "second")] == [
        ["first"],
        ["second"],
    ]
    assert "first" not in {f.feature_id for f in features_as_of(mapped, store, "first")}


def test_notices_of_a_reference_layer_are_said_at_every_run(site: SiteFiles, store: Store) -> None:
    toml = site.root / "site.toml"
    toml.write_text(toml.read_text() + '[[layers]]\nname = "ties"\nfile = "ties.geojson"\nrole = "reference"\n')
    ring = [[4.0, 52.0], [4.1, 52.1], [4.1, 52.0], [4.0, 52.1], [4.0, 52.0]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"id": "tie"}, "geometry": shape}
    (site.root / "ties.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    tied = load_site(site.root)
    said = [record_layers(tied, store, name, NOW) for name in ("first", "second")]
    assert said[0] == said[1] and "feature tie crosses itself and was repaired" in said[0][0]
    with open_sql(store, tied, query="SELECT notices FROM layer_versions") as con:
        assert (said[0][0],) in rows_of(con, "SELECT notices FROM layer_versions")


def test_without_a_record_a_query_as_of_a_run_sees_the_files(site: SiteFiles, store: Store) -> None:
    Journal(store.blobs).finish_run(RunRecord(run_id="old", started=NOW, ended=NOW, state="done", version="0"))
    assert door_of(store, site, "old") == door_of(store, site)


def test_damage_is_told(site: SiteFiles, store: Store) -> None:
    run(site, store, "first", 0)
    for blob in store.blobs.list("_layers/files"):
        Path(store.blobs.url, blob.name).write_bytes(b"torn")
    with pytest.raises(NightshiftError, match="a version of layer zones, cannot be read"):
        current_rows(site, store, 0)
    with open_sql(store, site) as con, pytest.raises(NightshiftError, match="cannot be read"):
        run_query(con, "SELECT * FROM layer_zones")
    (record,) = store.blobs.list("_layers/records")
    Path(store.blobs.url, record.name).write_text('{"format": 1}')
    with pytest.raises(NightshiftError, match="the record of a site's layers, cannot be read"):
        layer_versions_table(store)


@pytest.mark.parametrize(("damage", "kind"), [(lambda file: file.write_bytes(file.read_bytes()[:-1] + b"?"), "altered"),
                                              (Path.unlink, "missing")])  # fmt: skip
def test_verify_hashes_every_version_and_repair_leaves_what_only_a_backup_brings_back(
    site: SiteFiles, store: Store, damage: Callable[[Path], None], kind: str
) -> None:
    run(site, store, "first", 0)
    move_door(site)
    run(site, store, "second", 1)
    sound = verify(store)
    files = list(store.blobs.list("_layers/files"))
    assert (sound.problems, sound.files) == ((), len(files))
    assert sound.size_bytes == sum(blob.size_bytes for blob in files)
    former = read_layer_records(store)[0].layers[0]
    damage(Path(store.blobs.url, former.file))
    (problem,) = verify(store).problems
    assert (problem.kind, problem.name) == (kind, former.file) and "backup" in problem.detail
    done = repair(store)
    assert (done.unrepairable, done.deleted) == ([problem], ())


def test_a_version_recorded_without_a_hash_needs_to_exist(site: SiteFiles, store: Store) -> None:
    run(site, store, "first", 0)
    (record,) = store.blobs.list("_layers/records")
    path = Path(store.blobs.url, record.name)
    fields = json.loads(path.read_text())
    for layer in fields["layers"]:
        del layer["sha256"]
    path.write_bytes(record_bytes(fields))
    assert verify(store).problems == ()
    lost = read_layer_records(store)[0].layers[0].file
    store.blobs.delete([lost])
    assert [(problem.kind, problem.name) for problem in verify(store).problems] == [("missing", lost)]


def test_a_point_layer_keeps_its_places(site: SiteFiles, store: Store) -> None:
    assert features_as_of(site, store, None)[0].geometry.contains(Point(120001, 480001))
