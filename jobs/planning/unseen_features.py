"""Warns of zones and lines that count nobody: out of the view of every camera, far away, or on a storey without one."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import shapely

from ops.ground.places import known_ground
from ops.ground.view import concerns, zones_outside_view
from schemas.values import CameraView, Feature

FAR_M = 2000.0
"""Distance from every camera at which the place of a feature is called wrong: no camera counts people that far."""

_NAMED = 5
"""Features that a warning names; a layer may have thousands."""


def unseen_features(views: Sequence[CameraView], features: Sequence[Feature]) -> list[str]:
    """Returns one line for each group of features of a layer that no camera sees: they would never count anybody.

    Only cameras that are on the map tell of features on the map; without any there are no warnings.

    Args:
        views: the cameras of ``site.toml``.
        features: the zones and lines of the layers that count.
    """
    on_map = [feature for feature in features if feature.space == "map"]
    distance_m = _distances(views, on_map)
    far = [feature for feature, distance in zip(on_map, distance_m, strict=True) if distance > FAR_M]
    elsewhere = {feature.feature_id for feature in far}
    lost = [each for each in on_map if each.storey not in {view.storey for view in views}] if views else []
    elsewhere |= {feature.feature_id for feature in lost}
    rest = [feature for feature in features if feature.feature_id not in elsewhere]
    nearest_km = min((distance for distance in distance_m if distance > FAR_M), default=0.0) / 1000
    return [
        *(
            f"{_several(kind, ids)} of layer {layer} {_are(ids)} {nearest_km:,.0f} km or more from every camera: "
            "another place, or another CRS than the file names"
            for kind, layer, ids in _by_layer(far)
        ),
        *(
            f"{_several(kind, ids)} of layer {layer} {_are(ids)} on a storey that no camera sees: set storey of the "
            "layer or of a camera in site.toml"
            for kind, layer, ids in _by_layer([each for each in lost if each not in far])
        ),
        *_outside_views(views, rest),
    ]


def _distances(views: Sequence[CameraView], features: Sequence[Feature]) -> Sequence[float]:
    """Returns the distance ``(N,)`` of each feature from the nearest camera, metres; 0 if no camera has a place."""
    places = [(point.x_m, point.y_m) for view in views for point in view.control_points]
    places += [view.position_m[:2] for view in views if view.position_m is not None]
    if not places or not features:
        return [0.0] * len(features)
    shapes = np.array([feature.geometry for feature in features], dtype=object)
    found: list[float] = shapely.distance(shapes, shapely.MultiPoint(places)).tolist()
    return found


def _outside_views(views: Sequence[CameraView], features: Sequence[Feature]) -> list[str]:
    sized = [(view, view.image_size_px) for view in views if view.image_size_px]
    if any(view.control_points and not view.calibrated for view in views):
        # What such a camera sees is known once its ground is measured, after a run.
        features = [feature for feature in features if feature.space != "map"]
    # Once per camera, not per feature: each call fits the camera's homography.
    grounds = {view.camera: known_ground(view, {}) for view, _ in sized} if features else {}
    planes = {camera: ground.plane for camera, ground in grounds.items() if ground is not None}
    hidden = {
        view.camera: {f.feature_id for f in zones_outside_view(view, features, size, planes.get(view.camera))}
        for view, size in sized
    }
    unseen: dict[tuple[str, str, str], list[str]] = {}
    for feature in features:
        watching = [view.camera for view, _ in sized if concerns(view, feature, planes.get(view.camera))]
        if watching and all(feature.feature_id in hidden[camera] for camera in watching):
            unseen.setdefault((feature.kind, feature.layer, ", ".join(watching)), []).append(feature.feature_id)
    return [
        f"{_several(kind, ids)} of layer {layer} {_are(ids)} outside the view of {cameras}"
        for (kind, layer, cameras), ids in unseen.items()
    ]


def _by_layer(features: Sequence[Feature]) -> list[tuple[str, str, list[str]]]:
    """Returns kind, layer and ids of features, grouped by both."""

    def key(feature: Feature) -> tuple[str, str]:
        return (str(feature.kind), feature.layer)

    groups = groupby(sorted(features, key=key), key)
    return [(kind, layer, [each.feature_id for each in group]) for (kind, layer), group in groups]


def _are(ids: Sequence[str]) -> str:
    return "is" if len(ids) == 1 else "are"


def _several(kind: str, ids: Sequence[str]) -> str:
    """Returns how many features there are of a kind, with the ids of the first."""
    if len(ids) == 1:
        return f"{kind} {ids[0]}"
    more = ", …" if len(ids) > _NAMED else ""
    return f"{len(ids)} {kind}s ({', '.join(ids[:_NAMED])}{more})"
