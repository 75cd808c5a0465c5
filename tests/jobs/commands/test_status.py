"""The state of a site names every record of its store that cannot be read."""

from pathlib import Path

import pytest

from tests.conftest import Nightshift

TORN = (
    "_receipts/detect/gate/2026-03-02/s1-f.json",
    "_runs/20260302T220000Z-9f3a.json",
    "_quarantine/detect/gate/s1.json",
)


@pytest.mark.parametrize("name", TORN)
def test_a_torn_record_is_reported(nightshift: Nightshift, fresh_site: Path, name: str) -> None:
    path = fresh_site / "store" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"run_id": ')
    (problem,) = nightshift("status", "--site", fresh_site, "--json").json["problems"]
    assert name in problem and problem.splitlines() == [problem]
    assert Path(name).name in "".join(nightshift("status", "--site", fresh_site).err.split())
