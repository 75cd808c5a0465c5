"""Densities and crossings of real walks are those of PedPy on the same trajectories and areas."""

from datetime import timedelta
from math import ceil

import numpy as np
import pyarrow as pa
import pytest
import shapely

from bench.geo_groups import exact
from ops.counts import Counts, CountsParams
from schemas.values import Feature, FeatureKind
from tests.support.fakes import START, FakeServices, make_unit

FPS = 2.5
BIN_S = 60.0
STEP = 50
"""Frames over which flows are measured, 20 seconds."""


def count(name, area, line):
    """``counts`` and ``flows`` of an area and a line, without hysteresis, and the frames of the walks."""
    unit, tables = exact(name)
    features = [
        Feature("area", "layer", FeatureKind.ZONE, "map", None, area),
        Feature("line", "layer", FeatureKind.LINE, "map", None, line),
    ]
    unit = make_unit(unit.segments, unit.camera, features, unit="day")
    params = CountsParams(bin_s=BIN_S, margin_m=0.001, min_stay_s=0.0)
    return Counts(params).run(unit, tables, FakeServices()), tables["positions"]


def to_pedpy(positions):
    import pandas
    from pedpy import TrajectoryData

    time_us = positions["time"].cast(pa.int64()).to_numpy() - round(START.timestamp() * 1e6)
    tracks = positions["track_id"].to_pylist()
    names = {name: number for number, name in enumerate(sorted(set(tracks)))}
    return TrajectoryData(
        pandas.DataFrame(
            {
                "id": [names[track] for track in tracks],
                "frame": np.round(time_us / 1e6 * FPS).astype(int),
                "x": positions["x_m"].to_numpy(),
                "y": positions["y_m"].to_numpy(),
            }
        ),
        frame_rate=FPS,
    )


@pytest.mark.assets
@pytest.mark.parametrize("name", ["students", "zara"])
def test_density_and_flow_are_those_of_pedpy(assets, name):
    import pedpy

    area, line = shapely.box(4, 4, 10, 9), shapely.LineString([(7, 0), (7, 14)])
    tables, positions = count(name, area, line)
    walks = to_pedpy(positions)

    density = pedpy.compute_classic_density(traj_data=walks, measurement_area=pedpy.MeasurementArea(area)).reset_index()
    rows = [row for row in tables["counts"].to_pylist() if row["zone"] == "area" and row["label"] == "person"]
    assert len(rows) >= 3
    for row in rows:
        first = (row["bin_start"] - START) / timedelta(seconds=1) * FPS
        theirs = density.density[(density.frame >= first) & (density.frame < first + BIN_S * FPS)]
        assert row["mean_count"] / area.area == pytest.approx(theirs.mean(), rel=1e-9)
        assert row["max_count"] / area.area == pytest.approx(theirs.max(), rel=1e-9)

    cumulative, passed = pedpy.compute_n_t(traj_data=walks, measurement_line=pedpy.MeasurementLine(line))
    names = sorted(set(positions["track_id"].to_pylist()))
    ours: dict[int, float] = {}
    for row in tables["zone_events"].sort_by("time").to_pylist():
        if row["kind"] == "cross":
            ours.setdefault(names.index(row["track_id"]), (row["time"] - START) / timedelta(seconds=1) * FPS)
    # PedPy counts nobody in the last step of a trajectory, and everybody once.
    last = walks.data.groupby("id").frame.max()
    kept = {person: at for person, at in ours.items() if at < last[person] - 1}
    assert len(kept) >= 100 and len(ours) - len(kept) <= 1
    assert {*passed.id} == {*kept}
    frames = {person: ceil(at) for person, at in kept.items()}
    assert dict(zip(passed.id, passed.frame, strict=True)) == frames

    speed = pedpy.compute_individual_speed(
        traj_data=walks, frame_step=1, speed_calculation=pedpy.SpeedCalculation.BORDER_SINGLE_SIDED
    )
    theirs = pedpy.compute_flow(
        nt=cumulative, crossing_frames=passed, individual_speed=speed, delta_frame=STEP, frame_rate=FPS
    )
    assert theirs.flow.tolist() == pytest.approx(flows(sorted(frames.values()), int(cumulative.frame.max())))


def flows(frames, last):
    """People per second past a line, by PedPy's definition: of each ``STEP`` frames, from crossing to crossing."""
    found, before, since = [], 0, frames[0]
    for frame in range(since + STEP, last, STEP):
        passed = [each for each in frames if each <= frame]
        if len(passed) > before:
            found.append((len(passed) - before) / (passed[-1] + 1 - since) * FPS)
            before, since = len(passed), passed[-1] + 1
    return found
