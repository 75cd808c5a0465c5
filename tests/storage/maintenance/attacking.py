"""Receipts, manifests and rows as an attacker would write them, who can write to a store but not beside it."""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.store.manifest import Part
from storage.store.receipts import RECEIPT_SCHEMA
from storage.store.store import Store
from tests.storage.maintenance.damaging import one

Change = Callable[[dict[str, Any]], dict[str, Any]]


def doctor_receipt(root: Path, op: str, change: Change) -> Path:
    """Changes the first loose receipt of an op; returns its file."""
    path = one(root, f"_receipts/{op}/gate/*/*.json")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    return path


def doctor_receipts(root: Path, op: str, changes: Sequence[Change]) -> list[Path]:
    """Changes as many of an op's loose receipts, each in its own way; returns their files."""
    paths = sorted(root.glob(f"_receipts/{op}/*/*/*.json"))[: len(changes)]
    for path, change in zip(paths, changes, strict=True):
        path.write_text(json.dumps(change(json.loads(path.read_text()))))
    return paths


def doctor_manifest(root: Path, op: str, *changes: Change) -> None:
    """Changes the first receipts of an op in the manifest, with its hash, so that nothing but receipts is wrong."""
    left = list(changes)
    for month, part in Store.open(root).manifest.head().shards.items():
        rows = Store.open(root).manifest.read(part, RECEIPT_SCHEMA).to_pylist()
        changed = [left.pop(0)(row) if left and row["op"] == op else row for row in rows]
        if changed != rows:
            replace_part(root, ("shards", month), pa.Table.from_pylist(changed, RECEIPT_SCHEMA))
    if left:
        raise ValueError(f"the manifest has {len(left)} receipts of {op} too few")


def replace_part(root: Path, key: tuple[str, ...], table: pa.Table) -> None:
    """Replaces a part of the newest head of the manifest, with its hash."""
    head = sorted((root / "_manifest").glob("head-*.json"))[-1]
    content = json.loads(head.read_text())
    place = content
    for each in key:
        place = place[each]
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    (root / place["name"]).write_bytes(buffer.getvalue())
    place.update(vars(Part(place["name"], table.num_rows, hashlib.sha256(buffer.getvalue()).hexdigest())))
    head.write_text(json.dumps(content))


def names_file(table: str, name: str, digest: str = "0" * 64) -> Change:
    """A receipt that names a file for a table, with a hash that the file does not have."""

    def change(receipt: dict[str, Any]) -> dict[str, Any]:
        as_text = isinstance(receipt["files"], str)
        files, hashes = (json.loads(receipt[key]) if as_text else receipt[key] for key in ("files", "sha256"))
        changed: dict[str, Any] = {"files": {**files, table: name}, "sha256": {**hashes, table: digest}}
        return receipt | {key: json.dumps(value) if as_text else value for key, value in changed.items()}

    return change


def tree(folder: Path) -> dict[str, bytes]:
    """Everything in a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
