"""People and zones: how far they are from a zone, for rules of the user's own."""

from collections.abc import Collection, Iterator

import numpy as np
import shapely

from ops.interactions.rules.moments import Moments
from ops.interactions.rules.pairs import Pairs
from ops.interactions.rules.scene import Scene
from schemas.errors import SiteError
from schemas.values import Feature, FeatureKind, Float64, Int64


def zone_pairs(scene: Scene, moments: Moments, names: Collection[str]) -> Iterator[Pairs]:
    """Yields all moments of people with each of the zones that this camera sees.

    Raises:
        SiteError: a name is that of a line.
    """
    features = {feature.feature_id: number for number, feature in enumerate(scene.unit.features)}
    rows = np.flatnonzero(moments.person)
    for name in sorted(names):
        if name not in features:
            continue  # a zone of another camera
        number = features[name]
        feature = scene.unit.features[number]
        if feature.kind is not FeatureKind.ZONE:
            raise SiteError(f"a rule of [ops.interactions] names {name!r} as a zone, and it is a {feature.kind}")
        yield Pairs(
            moments,
            rows,
            np.full(len(rows), number),
            np.full(len(rows), -1),
            np.full((len(rows), 2), np.nan),
            np.full((len(rows), 4), np.nan),
            np.zeros((len(rows), 2)),
            _distance_m(moments, rows, feature),
        )


def _distance_m(moments: Moments, rows: Int64, feature: Feature) -> Float64:
    """Returns the distance of people's feet from a zone, metres."""
    if feature.space == "map":
        return np.asarray(shapely.distance(shapely.points(moments.at[rows] + moments.origin_m), feature.geometry))
    box = moments.box[rows]
    feet = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
    return np.asarray(shapely.distance(shapely.points(feet), feature.geometry) / moments.px_per_m[rows])
