"""Damage to the manifest is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storage.maintenance.problems import ProblemKind
from tests.storage.maintenance.damaging import flip, one, to_repair


@pytest.mark.slow
@pytest.mark.parametrize("part", ["receipts", "files", "live", "retired"])
@pytest.mark.parametrize(("harm", "kind"), [(Path.unlink, ProblemKind.MISSING), (flip, ProblemKind.ALTERED)])
def test_a_part_of_the_manifest_is_named(
    compacted: Path, part: str, harm: Callable[[Path], None], kind: ProblemKind
) -> None:
    path = one(compacted, f"_manifest/{part}-*.parquet")
    harm(path)
    assert to_repair(compacted) == [(kind, path.relative_to(compacted).as_posix())]


def test_a_torn_head_is_named(compacted: Path) -> None:
    head = one(compacted, "_manifest/head-*.json")
    head.write_bytes(head.read_bytes()[:50])
    assert (ProblemKind.TORN, head.relative_to(compacted).as_posix()) in to_repair(compacted)
