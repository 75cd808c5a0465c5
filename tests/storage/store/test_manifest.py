import json
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.errors import NightshiftError, SiteError
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import compact
from storage.store.layout import month_of
from storage.store.manifest import MERGED_SCHEMA, Head, Manifest, Part, next_head
from storage.store.receipts import receipts_from_rows, receipts_to_arrow
from storage.store.store import Store
from tests.storage.rows import NOW, make_receipt, make_rows, put


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "store")


@pytest.fixture
def manifest(blobs: LocalBlobs) -> Manifest:
    return Manifest(blobs)


def head_of(manifest: Manifest, before: Head, *months: str) -> Head:
    """A head that is to follow another, with a receipt in each of some months."""
    shards = {
        month: manifest.write(f"receipts-{month}", receipts_to_arrow([make_receipt(date=f"{month}-02")]))
        for month in months
    }
    return next_head(before, shards={**before.shards, **shards})


def test_a_store_that_was_never_compacted(manifest: Manifest) -> None:
    head = manifest.head()
    assert head == Head() and head.parts() == []
    for table in (manifest.receipts(head), manifest.read(head.merged, MERGED_SCHEMA)):
        assert table.num_rows == 0
    assert manifest.receipts(head, ["unit", "date"]).column_names == ["unit", "date"]


def test_the_newest_head_holds(manifest: Manifest) -> None:
    heads = [Head()]
    for month in ("2026-02", "2026-03"):
        heads.append(head_of(manifest, heads[-1], month))
        assert manifest.publish(heads[-1])
    assert manifest.head() == heads[-1]
    assert manifest.numbers() == [1, 2]
    assert manifest.head_of(1) == heads[1]


def test_numbers_are_compared_as_numbers(blobs: LocalBlobs, manifest: Manifest) -> None:
    for number in (999_999, 1_000_000, 2):
        assert manifest.publish(Head(number))
    blobs.write("_manifest/head-1.json", b"{}")
    blobs.write("_manifest/notes-000009.json", b"{}")
    assert manifest.numbers() == [2, 999_999, 1_000_000]
    assert manifest.head().number == 1_000_000


def test_of_two_that_build_on_the_same_head_one_wins(manifest: Manifest) -> None:
    one, other = head_of(manifest, Head(), "2026-02"), head_of(manifest, Head(), "2026-03")
    assert manifest.publish(one)
    assert not manifest.publish(other)
    assert manifest.head() == one


def test_a_head_whose_answer_was_lost_has_won(manifest: Manifest) -> None:
    """An object store that took it, and is asked again by its client, says that it is there already."""
    head = head_of(manifest, Head(), "2026-02")
    assert manifest.publish(head)
    assert manifest.publish(head)


def test_receipts_of_months(manifest: Manifest) -> None:
    head = head_of(manifest, Head(), "2026-03", "2026-01", "2026-02")
    assert manifest.receipts(head)["date"].to_pylist() == ["2026-01-02", "2026-02-02", "2026-03-02"]
    assert manifest.receipts(head, months=["2026-03", "2025-12"])["date"].to_pylist() == ["2026-03-02"]
    some = manifest.receipts(head, ["unit", "date"], ["2026-01"])
    assert some.to_pylist() == [{"unit": "day", "date": "2026-01-02"}]
    assert receipts_from_rows(manifest.receipts(head, months=["2026-02"])) == [make_receipt(date="2026-02-02")]
    assert month_of("2026-03-31") == "2026-03"


def test_a_part_knows_its_rows_and_its_hash(blobs: LocalBlobs, manifest: Manifest) -> None:
    part = manifest.write("files", receipts_to_arrow([make_receipt()]))
    assert part.rows == 1 and len(part.sha256) == 64
    assert manifest.write("files", receipts_to_arrow([make_receipt()])).sha256 == part.sha256
    assert blobs.exists(part.name)


@pytest.mark.parametrize(
    "content",
    [b"", b'{"format": 1', b"[]", b"{}", b'{"format": "x"}', b'{"format": 1, "number": 1, "shards": {"2026-01": 5}}'],
)
def test_a_torn_head_is_reported(blobs: LocalBlobs, manifest: Manifest, content: bytes) -> None:
    assert manifest.publish(Head(1))
    blobs.write("_manifest/head-000002.json", content)
    with pytest.raises(NightshiftError, match=r"_manifest/head-000002.json is torn: .*; `nightshift repair`"):
        manifest.head()
    assert manifest.head_of(1) == Head(1)


def test_a_newer_manifest_is_refused(blobs: LocalBlobs, manifest: Manifest) -> None:
    blobs.write("_manifest/head-000001.json", json.dumps({"format": 3, "colour": "blue"}).encode())
    with pytest.raises(SiteError, match=r"format 3, this Nightshift reads 2: upgrade Nightshift"):
        manifest.head()


@pytest.mark.parametrize("content", [None, b"", b"PAR1"])
def test_a_missing_or_torn_part_is_named(blobs: LocalBlobs, manifest: Manifest, content: bytes | None) -> None:
    head = head_of(manifest, Head(), "2026-03")
    name = head.shards["2026-03"].name
    blobs.delete([name])
    if content is not None:
        blobs.write(name, content)
    with pytest.raises(NightshiftError, match=f"{name}, a part of the store's manifest, cannot be read: .*repair"):
        manifest.receipts(head)
    with pytest.raises(NightshiftError, match="of the store's manifest"):
        manifest.read(Part(name, 1, ""), MERGED_SCHEMA)


def test_heads_stay_so_that_no_number_is_taken_twice(blobs: LocalBlobs) -> None:
    """One who was slow would otherwise take the number of a head that came and went, and believe to have won."""
    store = Store(blobs)
    for hour in range(3):
        put(store, "counts", make_rows("counts"), fingerprint=f"{hour:064d}", committed=NOW + timedelta(hours=hour))
        assert compact(store, grace_h=0).head == hour + 1
    assert store.manifest.numbers() == [1, 2, 3]
    assert not store.manifest.publish(Head(2))
