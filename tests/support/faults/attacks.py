"""Attacks: receipts, a manifest and links that lead out of the store and out of the archive, and all that deletes."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from storage.store.layout import MANIFEST_FOLDER
from storage.store.receipts import RECEIPT_SCHEMA, RECEIPTS_FOLDER
from storage.store.store import Store
from tests.storage.maintenance.attacking import names_file, replace_part, tree
from tests.support.faults.programs import compaction, purge, repair, run_job
from tests.support.faults.scene import Scene, Tally, check_exit, finish_job, log_of

_LINKED = ("camera", "date", "file")


def receipts(scene: Scene, name: str) -> Tally:
    """Doctored receipts that name what is not their own: nothing of it is deleted, and their units run again."""
    site = scene.used(name)
    before = _strangers(site)
    files = sorted((site / "store" / RECEIPTS_FOLDER).rglob("*.json"))
    doctored = list(zip(files, _names(site), strict=False))
    for path, target in doctored:
        content = json.loads(path.read_text())
        table = next(iter(content["files"]), "detections")
        path.write_text(json.dumps(names_file(table, target)(content)))
    tally = finish_job(compaction(site), site) + finish_job(repair(site), site)
    return tally + scene.finish(site) + _lost(site, before) + Tally(attacks=len(doctored))


def manifest(scene: Scene, name: str) -> Tally:
    """A doctored manifest, with hashes that fit."""
    site = scene.used(name)
    before = _strangers(site)
    tally = finish_job(compaction(site), site)
    store = Store.open(site / "store")
    count = 0
    targets = _names(site)
    for month, part in store.manifest.head().shards.items():
        rows = store.manifest.read(part, RECEIPT_SCHEMA).to_pylist()
        for number, target in zip(range(len(rows)), targets, strict=False):
            table = next(iter(json.loads(rows[number]["files"])), "detections")
            rows[number] = names_file(table, target)(rows[number])
            count += 1
        replace_part(site / "store", ("shards", month), pa.Table.from_pylist(rows, RECEIPT_SCHEMA))
    tally += finish_job(repair(site), site) + finish_job(compaction(site), site)
    return tally + scene.finish(site) + _lost(site, before) + Tally(attacks=count)


def links(scene: Scene, name: str) -> Tally:
    """Links of a camera, a date or a file that lead out of the archive: a purge leaves what lies there, and says so."""
    tally = Tally()
    for kind in _LINKED:
        site = scene.used(f"{name}-{kind}")
        outside = site.with_name(f"{site.name}-outside")
        film = next(iter(sorted((site / "archive").rglob("*.mp4"))))
        linked = {"camera": site / "archive" / film.relative_to(site / "archive").parts[0], "date": film.parent}
        moved = linked.get(kind, film)
        outside.mkdir()
        shutil.move(moved, outside / moved.name)
        moved.symlink_to(outside / moved.name)
        before = tree(outside)
        with (site / "site.toml").open("a") as file:
            file.write("\n[retention]\nfootage_days = 1\ntables_days = 1\nvideo_days = 1\n")
        tally += check_exit(run_job(purge(site), log_of(site)), 1)
        gone = [path for path, content in before.items() if tree(outside).get(path) != content]
        notes = tuple(f"{site.name}: purge deleted {path} outside the archive" for path in gone)
        tally += Tally(purge_outside=len(gone), attacks=1, notes=notes)
    return tally


def _names(site: Path) -> Iterator[str]:
    """Yields names that no receipt may have: of strangers, of the archive, and of other things of the store."""
    films = sorted(path.relative_to(site).as_posix() for path in (site / "archive").rglob("*.mp4"))
    others = sorted(path.relative_to(site / "store").as_posix() for path in (site / "store").rglob("*.parquet"))
    while True:
        yield f"../{films[0]}"
        yield f"../../{_outside(site).name}/strangers.parquet"
        yield str(site / films[-1])
        yield f"detections/camera=x/../../../{films[0]}"
        yield "_store.json"
        yield f"{MANIFEST_FOLDER}/../../site.toml"
        yield others[0]
        yield others[-1]


def _outside(site: Path) -> Path:
    return site.with_name(f"{site.name}-strangers")


def _strangers(site: Path) -> dict[str, bytes]:
    """Makes a folder beside the site; returns what must not change: in it, in the archive, and of the site itself."""
    _outside(site).mkdir()
    (_outside(site) / "strangers.parquet").write_bytes(b"theirs")
    return _guarded(site)


def _guarded(site: Path) -> dict[str, bytes]:
    folders = {"archive": site / "archive", "strangers": _outside(site)}
    found = {f"{kind}/{path}": content for kind, folder in folders.items() for path, content in tree(folder).items()}
    single = {name: site / name for name in ("site.toml", "store/_store.json")}
    return found | {name: path.read_bytes() for name, path in single.items() if path.exists()}


def _lost(site: Path, before: dict[str, bytes]) -> Tally:
    after = _guarded(site)
    gone = [path for path, content in before.items() if after.get(path) != content]
    notes = tuple(f"{site.name}: {path} was deleted or changed" for path in gone)
    return replace(Tally(), outside_deletes=len(gone), notes=notes)
