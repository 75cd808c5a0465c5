"""The rows that op ``motion`` gives for drawn frames."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np

from ops.motion import Motion, MotionParams
from schemas.tables import TABLES
from schemas.tables.motion import TILE_GRID, unpack_tiles
from schemas.values import CameraView, FrameBatch, Uint8
from tests.ops.walkabout import SIZE_PX
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

FPS = 2.0
START = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)


def rows_of(
    frames: Sequence[Uint8] | Uint8, fps: float = FPS, start: datetime = START, fixed: bool = True, **params: float
) -> list[dict[str, Any]]:
    """The rows of a segment with these frames, of which the op gets as many as it asks for."""
    size_px = (frames[0].shape[1], frames[0].shape[0])
    segment = make_segment(0, len(frames) / fps, fps, size_px, start)
    unit = make_unit([segment], CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=fixed))
    op = Motion(MotionParams(**params))
    need = op.frame_need(unit)
    assert need is not None and need.fps is not None and need.width_px is not None
    every = max(round(fps / need.fps), 1)
    width = min(need.width_px, size_px[0])
    small = np.stack([cv2.resize(frame, (width, round(width * size_px[1] / size_px[0]))) for frame in frames])
    whole = make_batch(small, segment, 0, fps)
    session = op.start(unit, {}, FakeServices())
    for first in range(0, len(small), 8 * every):
        part = slice(first, first + 8 * every, every)
        session.feed(FrameBatch(whole.frames[part], whole.pts[part], whole.times_us[part]))
    table = session.finish({})["motion"]
    assert table.schema.equals(TABLES["motion"].schema)
    return list(table.to_pylist())


def seconds(rows: Sequence[dict[str, Any]]) -> list[int]:
    """Their seconds, from the start."""
    return [round((row["time"] - START).total_seconds()) for row in rows]


def kinds(rows: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Their kinds by second."""
    return dict(zip(seconds(rows), (row["kind"] for row in rows), strict=True))


def tile_box(first: tuple[int, int], last: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box that fills tiles, from a (column, row) to another one, up to a rim."""
    width, height = SIZE_PX[0] / TILE_GRID[0], SIZE_PX[1] / TILE_GRID[1]
    left, top = round(first[0] * width) + 3, round(first[1] * height) + 3
    return left, top, round((last[0] + 1) * width) - 3, round((last[1] + 1) * height) - 3


def tiles(rows: Sequence[dict[str, Any]]) -> list[set[tuple[int, int]]]:
    """The tiles of each, (column, row)."""
    return [{(int(x), int(y)) for y, x in np.argwhere(unpack_tiles(row["tiles"]))} for row in rows]
