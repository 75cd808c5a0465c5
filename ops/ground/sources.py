"""What each source says of a camera's ground on one day, what is used, and how far they are from each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ops.ground.fuse import DISAGREES, LEAST_SIGMA, distance2, fuse, with_height
from ops.ground.ground_model import GroundModel, GroundSource, disagreement_m, sigma_share, visible_ground
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.people import fit_people
from ops.ground.people_choice import choose_people, model_size_px
from ops.ground.placing import Placed, place_on_map
from ops.ground.survey import survey_model
from schemas.errors import SiteError
from schemas.values import CameraView, Float64, Segment

MOST_SIGMA_SHARE = 0.4
"""A ground whose places are less sure than this share of their distance is no measurement."""

SURER = 3.0
"""How many times surer than control points alone the ground must be before people or depth bend it: see decision 60."""

MOVES = "the camera moves: site.toml says fixed = false"

LEAST_BOXES, LEAST_TRACKS = 12, 3
"""Boxes and tracks of people below which they are not asked."""


@dataclass(frozen=True, eq=False)
class Source:
    """One source's ground.

    Attributes:
        name: which one.
        size_px: (width, height) of the pictures that it is about.
        model: what it says; None where it says nothing, and of control points of a camera that looks straight down.
        plane: between pixels and the ground, if it is known.
        placed: how control points place it, if two or three do.
        frame: whose metres the plane has.
        reason: why it is absent, or not part of what is used.
    """

    name: GroundSource
    size_px: tuple[int, int]
    model: GroundModel | None = None
    plane: GroundPlane | None = None
    placed: Placed | None = None
    frame: str = "local"
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Grounds:
    """All sources of a camera's day.

    Attributes:
        sources: control points, people, depth, fused.
        used: the one that positions use; None where nothing is known.
        disagreement_m: by source, median distance on the visible ground from the used one.
        agrees: by source, whether it agrees with the used one within the errors of both.
    """

    sources: tuple[Source, ...]
    used: GroundSource | None
    disagreement_m: dict[str, float] = field(default_factory=dict)
    agrees: dict[str, bool] = field(default_factory=dict)


def choose_ground(survey: Source, people: Source, depth: Source, view: CameraView) -> Grounds:
    """Fuses what people and depth say, and chooses what positions use.

    Four or more control points are a survey, and are used, unless people and depth agree with them and make the ground
    much surer: then it is the ground of all. Without a survey it is the fused ground: placed on the map by two or three
    control points, or in the camera's local frame.
    """
    fused, parts = _fused((people, depth), view, people.size_px)
    of_all = _with_survey(survey, fused, view)
    fused = fused if of_all is None else of_all
    used = survey if survey.plane is not None and of_all is None else fused if fused.plane is not None else None
    sources = (survey, *parts, fused)
    if used is None:
        return Grounds(sources, None)
    distances, agrees = _compare(sources, used)
    return Grounds(sources, used.name, distances, agrees)


def survey_source(view: CameraView, size_px: tuple[int, int]) -> Source:
    """Returns what control points say.

    Args:
        size_px: (width, height) of the camera's pictures, where there are no control points.

    Raises:
        SiteError: four or more control points that fix no plane.
    """
    count = len(view.control_points)
    if not view.calibrated:
        reason = (
            "no control points" if not count else f"{count} control points: they place the camera, 4 fix its ground"
        )
        return Source("control_points", size_px, reason=reason)
    plane = ground_plane(view)
    assert plane is not None
    model = survey_model(view)
    flat = None if model else "the camera looks straight down, or hardly any perspective is in its control points"
    return Source("control_points", plane.size_px, model, plane, frame="site", reason=flat)


def people_source(points: pa.Table, segments: Sequence[Segment], view: CameraView) -> Source:
    """Returns what people in rows of ``track_points`` say."""
    size_px = model_size_px(segments)
    if not view.fixed:
        return Source("people", size_px, reason=MOVES)
    people = choose_people(points, segments)
    tracks = len(np.unique(people.track))
    if len(people) < LEAST_BOXES or tracks < LEAST_TRACKS:
        what = f"{len(people)} boxes of {tracks} people who walk in full view"
        return Source("people", size_px, reason=f"{what}; {LEAST_BOXES} of {LEAST_TRACKS} are needed")
    model = fit_people(people)
    if model is None:
        return Source("people", size_px, reason="no camera above level ground shows people like these")
    share = sigma_share(model)
    if not share <= MOST_SIGMA_SHARE:
        known = "no ground is in view" if np.isinf(share) else f"places are unsure by {share:.0%} of their distance"
        return Source("people", size_px, model, reason=f"they leave too much open: {known}")
    return Source("people", size_px, model, model.ground_plane(view.camera))


def depth_source(model: GroundModel | str, view: CameraView, size_px: tuple[int, int]) -> Source:
    """Returns what depth says, or why it says nothing."""
    if not view.fixed:
        return Source("depth", size_px, reason=MOVES)
    if isinstance(model, str):
        return Source("depth", size_px, reason=model)
    if not sigma_share(model) <= MOST_SIGMA_SHARE:
        return Source("depth", size_px, model, reason="it leaves too much open")
    return Source("depth", size_px, model, model.ground_plane(view.camera))


def _fused(
    parts: tuple[Source, Source], view: CameraView, size_px: tuple[int, int]
) -> tuple[Source, tuple[Source, ...]]:
    """Returns the fused source, and the parts with the reason why one is left out."""
    models = [part.model for part in parts if part.model is not None and part.plane is not None]
    fusion = fuse(models)
    if fusion is None:
        return Source("fused", size_px, reason="neither people nor depth measure the ground"), parts
    left_out = "it disagrees with the surer source"
    parts = tuple(  # type: ignore[assignment]
        part
        if part.plane is None or part.name in fusion.chosen
        else Source(part.name, part.size_px, part.model, part.plane, reason=left_out)
        for part in parts
    )
    model, reason = fusion.model, None
    if view.position_m is not None and view.position_m[2] is not None:
        model, agrees = with_height(model, view.position_m[2])
        if not agrees:
            reason = f"position in site.toml says {view.position_m[2]:g} m of height, people or depth say "
            reason += f"{fusion.model.pinhole.height_m:.2f} m; site.toml's is used"
    if view.calibrated or not view.control_points:
        return Source("fused", size_px, model, model.ground_plane(view.camera), reason=reason), parts
    try:
        placed = place_on_map(model, view)
    except SiteError as error:
        return Source("fused", size_px, model, model.ground_plane(view.camera), reason=str(error)), parts
    if not placed.agrees:
        reason = f"control points are {placed.scale:.2f} times as far apart on the map as people or depth say; "
        reason += "the map's distances are used"
    return Source("fused", size_px, placed.model, placed.plane, placed, "site", reason), parts


def _with_survey(survey: Source, fused: Source, view: CameraView) -> Source | None:
    """Returns the ground that suits control points, people and depth, if it is much surer than control points alone.

    None where they contradict each other, where the points show a lens, of which the others know nothing, and where a
    homography suits the points better than any camera above level ground does: it can follow what bends the picture.
    Points that show hardly any perspective are as unsure as can be.
    """
    if survey.plane is None or survey.plane.lens is not None or fused.model is None:
        return None
    if survey.model is not None and not _agree(survey.model, fused.model):
        return None
    try:
        placed = place_on_map(fused.model, view)
    except SiteError:  # points that are too close to each other do not place a camera: they stay a survey
        return None
    alone = np.inf if survey.model is None else sigma_share(survey.model)
    if not placed.agrees or sigma_share(placed.model) * SURER > alone:
        return None
    return Source("fused", fused.size_px, placed.model, placed.plane, placed, "site", fused.reason)


def _compare(sources: Sequence[Source], used: Source) -> tuple[dict[str, float], dict[str, bool]]:
    distances: dict[str, float] = {}
    agrees: dict[str, bool] = {}
    assert used.plane is not None
    pixels = _seen_pixels(used)
    for source in sources:
        if source is used or source.plane is None:
            continue
        distance = disagreement_m(used.plane, source.plane, pixels)
        if distance is not None:
            distances[source.name] = distance
        if source.model is not None and used.model is not None:
            agrees[source.name] = _agree(source.model, used.model)
    return distances, agrees


def _agree(one: GroundModel, other: GroundModel) -> bool:
    share = np.log(one.pinhole.size_px[0] / other.pinhole.size_px[0])  # focal lengths in pixels of different sizes
    off = one.vector - other.vector - np.array([share, 0, 0, 0])
    return distance2(off, one.covariance + other.covariance + np.diag(LEAST_SIGMA**2)) <= DISAGREES


def _seen_pixels(used: Source) -> Float64:
    """Returns pixels that show ground, as shares of width and height."""
    if used.model is not None:
        return np.asarray(visible_ground(used.model.pinhole) / np.array(used.size_px))
    middles = (np.arange(12) + 0.5) / 12
    return np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
