"""`search`, as it is typed: intervals of a camera or a zone, what is not known, and what is refused."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.tables import TABLES
from storage.store.store import Store
from tests.storage.rows import put, put_all, sample
from tests.storage.sql.test_changes import DOOR, EVERYWHERE, WINDOW
from tests.storage.sql_site import make_site

MIDNIGHT = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
"""In Amsterdam, where cam1 is."""


def scanned(date: str, starts: Mapping[str, datetime]) -> dict[str, pa.Table]:
    """Rows of ``footage`` and ``segments`` of cam1 on one day: files of five minutes, each a segment of its name."""
    known = {
        "camera": ["cam1"] * len(starts),
        "date": [date] * len(starts),
        "footage_id": list(starts),
        "segment_id": list(starts),
        "start_time": list(starts.values()),
        "end_time": [start + timedelta(seconds=300) for start in starts.values()],
        "rotation_deg": [0] * len(starts),
    }
    tables = {}
    for name in ("footage", "segments"):
        spec = TABLES[name]
        columns = {field.name: [sample(field.type, n + 1) for n in range(len(starts))] for field in spec.columns}
        tables[name] = spec.conform({**columns, **{key: known[key] for key in known if key in columns}})
    return tables


def seen(start: datetime, *rows: tuple[int, str, bytes], segment: str = "s0") -> pa.Table:
    return TABLES["motion"].conform(
        {
            "camera": ["cam1"] * len(rows),
            "segment_id": [segment] * len(rows),
            "time": [start + timedelta(seconds=second) for second, _, _ in rows],
            "kind": [kind for _, kind, _ in rows],
            "tiles": [tiles for _, _, tiles in rows],
            "share": [0.1] * len(rows),
        }
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """cam1 has three segments, of which motion looked at two: one across midnight, one where summer time ends."""
    root = tmp_path / "site"
    files = make_site(root)
    toml = root / "site.toml"
    # The zone mat, pixels 10 to 20, has the tiles 2 and 3 of the rows 3 to 6.
    toml.write_text(toml.read_text().replace('id = "cam1"', 'id = "cam1"\nimage_size = [120, 50]'))
    store = Store.create(files.store)
    autumn = datetime(2026, 10, 25, 0, 58, tzinfo=UTC)
    put_all(store, "scan", scanned("2026-03-02", {"s0": MIDNIGHT - timedelta(seconds=150)}))
    days = {"s1": autumn, "s2": autumn + timedelta(hours=1)}
    put_all(store, "scan", scanned("2026-10-25", days), date="2026-10-25")
    put(store, "motion", seen(MIDNIGHT, (-2, "motion", DOOR), (3, "motion", DOOR), (60, "motion", WINDOW)), unit="s0")
    rows = seen(autumn, (60, "light", EVERYWHERE), (180, "motion", DOOR), segment="s1")
    put(store, "motion", rows, unit="s1", date="2026-10-25")
    return root


def test_intervals_are_shown_in_local_time_and_what_was_not_looked_at(nightshift, site) -> None:
    said = nightshift("search", "--camera", "cam1", "--site", site)
    assert said.code == 0, said.err
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0] == "from to kind seconds peak share"
    assert lines[1] == "2026-03-02 23:59:58 CET 2026-03-03 00:00:04 CET motion 2 0.5%"
    assert lines[3:5] == [
        "2026-10-25 02:59:00 CEST 2026-10-25 02:59:01 CEST light 1 100.0%",
        "2026-10-25 02:01:00 CET 2026-10-25 02:01:01 CET motion 1 0.5%",
    ]
    assert "4 intervals in which cam1 changed, in 0:10:00 of footage that was looked at" in said.out
    assert "what changed in the other 0:05:00 is not known: `nightshift run` looks at it" in said.out


def test_a_zone_and_a_time_narrow_the_search(nightshift, site) -> None:
    found = nightshift("search", "--camera", "cam1", "--zone", "mat", "--until", "2026-03-03", "--site", site, "--json")
    assert found.code == 0, found.err
    (interval,) = found.json["intervals"]
    assert interval == {
        "start_time": "2026-03-02T22:59:58+00:00",
        "end_time": "2026-03-02T23:00:04+00:00",
        "kind": "motion",
        "seconds": 2,
        "peak_share": pytest.approx(2 / 8),
    }
    assert (found.json["recorded_s"], found.json["looked_at_s"]) == (300, 300)
    arguments = ("--camera", "cam1", "--since", "2026-03-03T00:00:00", "--until", "2026-03-03T00:00:30", "--json")
    narrow = nightshift("search", *arguments, "--site", site).json
    assert [each["start_time"] for each in narrow["intervals"]] == ["2026-03-02T23:00:03+00:00"]
    assert narrow["recorded_s"] == 30


def test_the_hour_that_comes_twice_is_searched_twice(nightshift, site) -> None:
    arguments = ("--camera", "cam1", "--since", "2026-10-25T02:00:00", "--until", "2026-10-25T02:59:59", "--json")
    found = nightshift("search", *arguments, "--site", site).json["intervals"]
    assert [each["kind"] for each in found] == ["light", "motion"]
    exact = ("--camera", "cam1", "--since", "2026-10-25T02:00:00+01:00", "--json")
    assert [each["kind"] for each in nightshift("search", *exact, "--site", site).json["intervals"]] == ["motion"]


def test_a_longer_gap_joins_intervals(nightshift, site) -> None:
    found = nightshift("search", "--camera", "cam1", "--gap", "60", "--until", "2026-03-04", "--site", site, "--json")
    assert [each["seconds"] for each in found.json["intervals"]] == [3]


def test_an_empty_store_has_no_intervals(nightshift, tmp_path) -> None:
    make_site(tmp_path)
    said = nightshift("search", "--camera", "cam1", "--site", tmp_path)
    assert said.code == 0, said.err
    assert said.out.strip() == "0 intervals in which cam1 changed, in 0.0 s of footage that was looked at"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--camera", "cam9"), "there is no camera 'cam9'; there are cam1, cam2"),
        (("--camera", "cam1", "--zone", "lawn"), "camera cam1 sees no zone 'lawn'; it has mat"),
        (
            ("--camera", "cam1", "--zone", "hall"),
            "it has mat (a map zone needs control points",
        ),
        (("--camera", "cam2", "--zone", "mat"), "camera cam2 sees no zone 'mat'; it has none"),
        (("--camera", "cam1", "--since", "noon"), "--since 'noon' is not a time"),
        (("--camera", "cam1", "--since", "2026-03-03", "--until", "2026-03-01"), "is not before --until"),
        (("--camera", "cam1", "--gap", "-1"), "--gap -1 is below 0"),
        ((), "Missing option '--camera'"),
    ],
)
def test_what_cannot_be_searched_is_refused(nightshift, site, arguments, message) -> None:
    said = nightshift("search", *arguments, "--site", site)
    assert said.code == 2 and message in said.err


def test_a_zone_outside_the_view_is_refused(nightshift, site) -> None:
    toml = site / "site.toml"
    toml.write_text(toml.read_text().replace("image_size = [120, 50]", "image_size = [9, 9]"))
    said = nightshift("search", "--camera", "cam1", "--zone", "mat", "--site", site)
    assert said.code == 2 and "zone 'mat' is outside the view of cam1" in said.err


@pytest.mark.slow
def test_a_night_can_be_searched(nightshift, used_site) -> None:
    found = nightshift("search", "--camera", "hall", "--site", used_site, "--json")
    assert found.code == 0, found.err
    assert found.json["looked_at_s"] == found.json["recorded_s"] == pytest.approx(16, abs=0.1)
    assert any(each["kind"] == "motion" for each in found.json["intervals"])
    whole = found.json["intervals"]
    zone = nightshift("search", "--camera", "hall", "--zone", "hall_centre", "--site", used_site, "--json").json
    assert sum(each["seconds"] for each in zone["intervals"]) <= sum(each["seconds"] for each in whole)
    assert zone["intervals"], "people walk there"
