"""The ground of a camera as the store has it: of one day, or of the newest."""

from typing import Any

from ops.ground.places import KnownGround, known_ground
from schemas.values import CameraView
from storage.sql.query import run_query
from storage.sql.text import quote_text


def stored_ground(connection: Any, view: CameraView, day: str | None = None) -> KnownGround | None:
    """Returns a camera's ground; None where nobody knows it.

    Args:
        connection: to the store, with ``ground_models``.
        view: of the camera.
        day: local date, ``YYYY-MM-DD``; None for the newest one on which it was measured.

    Raises:
        SiteError: four or more control points that fix no plane.
    """
    of_camera = f"camera = {quote_text(view.camera)}"
    newest = f"(SELECT max(date) FROM ground_models WHERE {of_camera})"
    rows = run_query(
        connection,
        f"SELECT * FROM ground_models WHERE {of_camera} AND date = {newest if day is None else quote_text(day)} "
        "ORDER BY start_time, source",
    )
    return known_ground(view, {"ground_models": rows})
