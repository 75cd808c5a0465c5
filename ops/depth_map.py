"""Op ``depth_map``: the dense depth of each view that a camera shows on a day, of a stereo pair or from a network.

A fixed camera needs no depth map a frame. What it shows stays, so one clean background of a view tells the depth of
all its segments. A camera of a stereo pair is matched with the other one; for all others, and where nothing matches,
a network that the user brings looks once a view.

Decisions: docs/decisions/0053-depth-of-a-view.md, docs/decisions/0059-stereo-pairs.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from ops.arrays import datetime_us, times_us
from ops.depth_models.load import load_depth_network
from ops.depth_models.network import DepthNetwork
from ops.depth_models.rows import STEREO, pack_depth
from ops.named_weights import NamedWeightsOp
from ops.pictures import is_grey
from ops.static_objects.views import SameView, SegmentSpan, same_views
from ops.stereo.background_pair import CameraBackgrounds, view_depth
from schemas.errors import ModelError
from schemas.op import Models, Neighbour, OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.stereo import StereoView
from schemas.tables import TABLES
from schemas.values import ModelFile, UnitContext

_BACKGROUNDS = (
    *("segment_id", "width", "height", "png", "samples", "unknown_share", "steadied"),
    *("small_png", "small_unknown_png"),
)
_VIEW_MOTION = ("segment_id", "views", "moves")


@dataclass(frozen=True)
class DepthMapParams:
    """Parameters of ``depth_map``."""

    model: str = param("", "name of a depth model in models/; empty: only stereo pairs have maps")
    max_width_px: int = param(640, "largest width of a stored map, pixels")


class DepthMap(NamedWeightsOp, TableOp):
    """Matches the backgrounds of stereo pairs, and runs a depth network on one background of each other view."""

    task, role = "depth", "depth"

    spec = OpSpec(
        name="depth_map",
        version=2,
        summary="Dense depth of each view of a fixed camera, of a stereo pair or from a configured model.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("backgrounds", columns=_BACKGROUNDS, required=False, build_if_missing=True),
            Read("view_motion", columns=_VIEW_MOTION, required=False, build_if_missing=True),
            Read(
                "backgrounds", Neighbour.STEREO, columns=(*_BACKGROUNDS, "segment_start", "segment_end"), required=False
            ),
            Read("view_motion", Neighbour.STEREO, columns=_VIEW_MOTION, required=False),
        ),
        writes=("depth_maps",),
        params=DepthMapParams,
        uses=("stereo",),
        memory_mb=4000,
    )
    params: DepthMapParams

    def __init__(self, params: DepthMapParams | None = None) -> None:
        super().__init__(params)
        self._model: ModelFile | None = None
        self._network: DepthNetwork | None = None

    def open(self, models: Models, cpus: int) -> None:
        """Loads the model, if one is named.

        Raises:
            ModelError: the model is missing, gives no depth, or has the name that maps of stereo pairs have.
        """
        if not self.enabled:
            return
        model = self.weights_of(models)
        if model.name == STEREO:
            raise ModelError(f"weights named {STEREO!r} would look like stereo pairs in depth_maps: import them anew")
        self._model, self._network = model, load_depth_network(model, cpus)

    def close(self) -> None:
        """Frees the model."""
        self._model = self._network = None

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Gives ``depth_maps``: one row a view; none for a camera without backgrounds, as a moving one is.

        Raises:
            ModelError: the network cannot take the pictures, or gives no map with a finite number.
            SiteError: frames of a stereo pair have another aspect than its calibration.
        """
        if self.enabled and self._network is None:
            raise ModelError("depth_map was not opened with a model")
        segments = [
            SegmentSpan(each.segment_id, datetime_us(each.start), datetime_us(each.end), (each.width, each.height))
            for each in unit.segments
        ]
        own = _camera_backgrounds(unit.camera.camera, segments, inputs)
        other = None if unit.stereo is None else _other_backgrounds(unit.stereo, inputs)
        rows = []
        for number, view in enumerate(own.views):
            found = self._by_stereo(view, own, other, unit.stereo, services) or self._by_network(view, own, services)
            if found is not None:
                span = {"start_time": segments[view.first].start_us, "end_time": segments[view.last].end_us}
                rows.append({"camera": unit.camera.camera, "view": number, **span, **found})
        if not rows:
            return {"depth_maps": TABLES["depth_maps"].empty()}
        return {"depth_maps": TABLES["depth_maps"].conform({name: [row[name] for row in rows] for name in rows[0]})}

    def _by_stereo(
        self,
        view: SameView,
        own: CameraBackgrounds,
        other: CameraBackgrounds | None,
        stereo: StereoView | None,
        services: Services,
    ) -> dict[str, Any] | None:
        if other is None or stereo is None:
            return None
        found = view_depth(view, own, other, stereo)
        if found is None:
            return None
        services.count("stereo_depths")
        return {
            "segment_id": found.segment_id,
            "source_width": found.size_px[0],
            "source_height": found.size_px[1],
            "focal_px": found.focal_px,
            "model": STEREO,
            **pack_depth(found.depth, self.params.max_width_px),
        }

    def _by_network(self, view: SameView, own: CameraBackgrounds, services: Services) -> dict[str, Any] | None:
        if self._model is None or self._network is None:
            return None
        background = _clearest(view, own.segments, own.rows)
        picture = cv2.imdecode(np.frombuffer(background["png"], np.uint8), cv2.IMREAD_COLOR_RGB)
        estimate = self._network(np.asarray(picture, np.uint8))
        services.count("depth_calls")
        return {
            "segment_id": background["segment_id"],
            "source_width": background["width"],
            "source_height": background["height"],
            "focal_px": estimate.focal_px,
            "model": self._model.name,
            **pack_depth(estimate.depth, self.params.max_width_px),
        }


def _camera_backgrounds(
    camera: str, segments: Sequence[SegmentSpan], inputs: Tables, neighbour: str = ""
) -> CameraBackgrounds:
    rows = inputs.get(f"{neighbour}backgrounds", TABLES["backgrounds"].empty())
    motion = inputs.get(f"{neighbour}view_motion", TABLES["view_motion"].empty())
    return CameraBackgrounds(camera, segments, same_views(segments, rows, motion), rows)


def _other_backgrounds(stereo: StereoView, inputs: Tables) -> CameraBackgrounds:
    """Returns the other camera's backgrounds; a segment without one is of no use."""
    rows = inputs.get("stereo.backgrounds", TABLES["backgrounds"].empty())
    segments = [
        SegmentSpan(row["segment_id"], start_us, end_us, (row["width"], row["height"]))
        for row, start_us, end_us in zip(
            rows.select(["segment_id", "width", "height"]).to_pylist(),
            times_us(rows, "segment_start").tolist(),
            times_us(rows, "segment_end").tolist(),
            strict=True,
        )
    ]
    return _camera_backgrounds(stereo.other, sorted(segments, key=lambda each: each.start_us), inputs, "stereo.")


def _clearest(view: SameView, segments: Sequence[SegmentSpan], backgrounds: pa.Table) -> dict[str, Any]:
    """Returns the background of a view that shows most: in colour, of the least unknown share, of the most samples.

    Networks are trained on pictures in colour, so one by infrared light is taken only where a view has no other.
    """
    rows = {row["segment_id"]: row for row in backgrounds.drop_columns(["png"]).to_pylist()}
    ranks = []
    for number, small in view.pictures.items():
        row = rows[segments[number].segment_id]
        ranks.append((is_grey(small.picture), row["unknown_share"], -row["samples"], number))
    best = segments[min(ranks)[-1]].segment_id
    at = backgrounds["segment_id"].to_pylist().index(best)
    return dict(backgrounds.slice(at, 1).to_pylist()[0])
