"""The comparison finds no error in perfect tables, and each kind of error in changed ones."""

from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from sample_site import SampleSite
from sample_site.comparison import Comparison, compare
from sample_site.truth import CLEARLY_VISIBLE, Truth
from schemas.tables import TABLES


def perfect_tables(truth: Truth) -> dict[str, pa.Table]:
    """Returns tables without any error."""
    boxes = truth.boxes
    readable = np.zeros(len(boxes), np.bool_)
    for camera in truth.cameras:
        for start, end in truth.readable_us(camera):
            readable |= (boxes.camera == camera) & (boxes.time_us >= start) & (boxes.time_us < end)
    visible = boxes.take(readable & (boxes.visible_share >= CLEARLY_VISIBLE))
    size, person = len(visible), ["person"] * len(visible)
    times = pa.array(visible.time_us, pa.timestamp("us", "UTC"))
    common = {"camera": visible.camera, "track_id": visible.person, "time": times, "label": person}
    sides = {name: visible.box[:, i] for i, name in enumerate(("x1", "y1", "x2", "y2"))}
    zeros = {name: np.zeros(size) for name in ("lon", "lat", "var_x_m2", "cov_xy_m2", "var_y_m2")}
    ends = {camera: truth.readable_us(camera).max() for camera in truth.cameras}
    crossings = [c for c in truth.crossings if c.time.timestamp() * 1e6 < ends[c.camera]]
    stays = [s for s in truth.stays if s.start_time.timestamp() * 1e6 < ends[s.camera]]
    rows: dict[str, dict[str, object]] = {
        "track_points": {
            **common,
            **sides,
            "pts": np.arange(size),
            "segment_id": ["s"] * size,
            "state": ["observed"] * size,
        },
        "positions": {
            **common,
            **zeros,
            "x_m": visible.place_m[:, 0],
            "y_m": visible.place_m[:, 1],
            "state": ["observed"] * size,
        },
        "site_tracks": {
            **{name: common[name] for name in ("camera", "track_id", "label")},
            **dict.fromkeys(("start_time", "end_time"), times),
            "site_track_id": visible.person,
            **{
                name: np.full(size, value)
                for name, value in (("cameras", 1), ("tracks", 1), ("shared_s", 0.0), ("clock_late_s", 0.0))
            },
        },
        "flows": {
            "camera": [c.camera for c in crossings],
            "line": [c.line for c in crossings],
            "label": ["person"] * len(crossings),
            "bin_start": [c.time for c in crossings],
            "bin_s": [60.0] * len(crossings),
            "direction": [c.direction for c in crossings],
            "crossings": [1] * len(crossings),
        },
        "zone_events": {
            "camera": [s.camera for s in stays],
            "track_id": [s.person for s in stays],
            "label": ["person"] * len(stays),
            "feature": [s.zone for s in stays],
            "kind": ["enter"] * len(stays),
            "time": [s.start_time for s in stays],
        },
    }
    return {name: TABLES[name].conform(columns) for name, columns in rows.items()}  # type: ignore[arg-type]


def changed(table: pa.Table, column: str, values: object) -> pa.Table:
    index = table.schema.get_field_index(column)
    return table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))


class TestComparison:
    def test_a_perfect_tables_has_no_errors(self, site: SampleSite) -> None:
        rows = compare(site.truth, perfect_tables(site.truth)).rows
        assert {row.what for row in rows if row.error is None} == set()
        assert {row.what: row.error for row in rows if abs(row.error or 0.0) > 1e-3} == {}
        assert compare(site.truth, perfect_tables(site.truth)).find("hall: people").true == 2

    def test_a_connection_serves_as_well(self, site: SampleSite) -> None:
        tables = perfect_tables(site.truth)
        connection = duckdb.connect()
        for name, spec in TABLES.items():
            connection.register(name, tables.get(name, spec.empty()))
        segments = [
            {
                "camera": file.camera,
                "segment_id": file.path,
                "footage_id": file.path,
                "index": 0,
                "date": "2026-03-02",
                "start_time": file.start_time,
                "end_time": file.start_time + timedelta(seconds=file.readable_s),
                "start_pts": 0,
                "end_pts": 1,
                "frames": file.readable_frames,
            }
            for file in site.truth.files
        ]
        connection.register("segments", TABLES["segments"].conform(pa.Table.from_pylist(segments)))
        assert compare(site.truth, connection) == compare(site.truth, tables)
        connection.close()

    def test_nothing_measured(self, site: SampleSite) -> None:
        figures = compare(site.truth, {})
        assert figures.find("hall: people").error == -2
        assert figures.find("site: people").error == -2
        assert figures.find("hall: recall of people").measured == 0.0
        assert figures.find("hall: position error, median").measured is None
        assert figures.find("hall: doorway, left to right").error == -1
        assert all(len(row) == 5 for row in figures.as_rows())

    def test_shifted_positions_are_measured(self, site: SampleSite) -> None:
        tables = perfect_tables(site.truth)
        east = tables["positions"]["x_m"].to_numpy()
        tables["positions"] = changed(tables["positions"], "x_m", east + 0.5)
        figures = compare(site.truth, tables)
        assert figures.find("hall: position error, median").measured == pytest.approx(0.5, abs=1e-3)
        assert figures.find("hall: position error, 90 %").measured == pytest.approx(0.5, abs=1e-3)

    def test_lost_people_and_changed_identities(self, site: SampleSite) -> None:
        tables = perfect_tables(site.truth)
        points = tables["track_points"]
        hall = np.array(points["camera"].to_pylist()) == "hall"
        names, times = points["track_id"].to_pylist(), points["time"].to_pylist()
        swap = [t >= site.truth.files[1].start_time for t in times]
        tables["track_points"] = changed(
            points, "track_id", [f"{n}-later" if s else n for n, s in zip(names, swap, strict=True)]
        )
        assert compare(site.truth, tables).find("hall: identity switches").measured == 2
        assert compare(site.truth, tables).find("hall: people").error == 2
        without_ann = ~(hall & (np.array(names) == "ann"))
        tables["track_points"] = points.filter(pa.array(without_ann))
        figures = compare(site.truth, tables)
        found = figures.find("hall: recall of people").measured
        assert found is not None and found == pytest.approx(without_ann[hall].mean())
        assert figures.find("hall: precision of people").measured == 1.0
        assert share_error(figures) > 0.3

    def test_only_processed_footage_counts(self, site: SampleSite) -> None:
        tables = perfect_tables(site.truth)
        tables["segments"] = TABLES["segments"].empty()
        figures = compare(site.truth, tables)
        assert figures.find("hall: people").true == 0
        assert figures.find("hall: doorway, left to right").true == 0

    def test_frames_not_observed_count_only_in_long_gaps(self, site: SampleSite) -> None:
        tables = perfect_tables(site.truth)
        points = tables["track_points"]
        even = pa.array([round(t.timestamp() * 10) % 2 == 0 for t in points["time"].to_pylist()])
        tables["track_points"] = points.filter(even)
        start_us = round(site.truth.files[0].start_time.timestamp() * 1e6)

        def observed_until(until: int) -> pa.Table:
            times = pa.array(range(start_us, start_us + until * 100_000, 200_000), pa.timestamp("us", "UTC"))
            size = len(times)
            columns = {"time": times, "pts": range(size), "camera": ["hall"] * size, "segment_id": ["s"] * size}
            return TABLES["observed_frames"].conform(columns | {"detections": [0] * size})

        def share(observed: pa.Table) -> float | None:
            return compare(site.truth, tables | {"observed_frames": observed}).find("hall: recall of people").measured

        assert share(observed_until(160)) == 1.0
        sparse = share(observed_until(30))
        assert sparse is not None and 0.4 < sparse < 0.7


def share_error(figures: Comparison) -> float:
    value = figures.find("hall: people per frame, mean absolute error").measured
    assert value is not None
    return value
