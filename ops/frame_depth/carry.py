"""Depth of every frame: a network at keyframes, optical flow between them, the background where nothing differs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth
from ops.flow import LEAST_SIDE_PX, Chain, Flow
from ops.frame_depth.align import aligned
from ops.frame_depth.feet import Regions, follow_feet
from ops.frame_depth.fill import fill_foreground, fill_nearest
from ops.frame_depth.view import Background, EmptyView
from schemas.errors import ModelError
from schemas.op import param
from schemas.values import Bools, Float32, Uint8

Estimate = Callable[[Uint8], Depth]
"""From a picture ``(H, W, 3)`` uint8 RGB to its depth."""

_SMALL_SHARE = 0.005
"""Share of the frame up to which invalid pixels never ask for a keyframe."""


@dataclass(frozen=True)
class KeyframeParams:
    """When the network looks."""

    keyframe_s: float = param(2.0, "most seconds from one keyframe to the next")
    least_keyframe_s: float = param(1.0, "least seconds between keyframes, whatever moves")
    max_invalid: float = param(
        0.3, "a keyframe is due where optical flow fails for more than this share of what it should carry, 0..1"
    )


@dataclass(frozen=True)
class CarriedDepth:
    """The depth of one frame.

    Attributes:
        depth: of the frame's size.
        keyframe: whether the network estimated it.
        invalid: ``(H, W)``, what flow could not carry; it is filled in.
        scale_group: frames with the same number have one scale and shift.
        foreground: ``(H, W)`` what differs from the background; None if there is none.
    """

    depth: Depth
    keyframe: bool
    invalid: Bools
    scale_group: int
    foreground: Bools | None

    @property
    def invalid_share(self) -> float:
        """Returns the share of the picture that flow could not carry, 0..1."""
        return float(self.invalid.mean())


@dataclass(frozen=True)
class _Keyframe:
    time_us: int
    values: Float32
    foreground: Bools | None
    regions: Regions | None


class DepthCarrier:
    """Gives the depth of one frame after the other.

    Args:
        estimate: the network.
        params: when it looks.
        background: of a fixed camera, of the frames' size; None if there is none.

    Attributes:
        calls: pictures that the network has seen.
    """

    def __init__(self, estimate: Estimate, params: KeyframeParams, background: Background | None = None) -> None:
        self.calls = 0
        self._estimate = estimate
        self._params = params
        self._like: Depth | None = None
        self._background = background
        self._view: EmptyView | None = None
        self._key: _Keyframe | None = None
        self._chain: Chain | None = None
        self._before: tuple[Uint8, int] | None = None
        self._flow = Flow()
        self._scale_group = 0

    def next(self, frame: Uint8, time_us: int) -> CarriedDepth:
        """Returns the depth of the next frame.

        Args:
            frame: ``(H, W, 3)`` BGR, of the size of all others.
            time_us: its time; it rises.

        Raises:
            ModelError: the network gives now one kind of depth and now another.
        """
        grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
        view = self._empty_view()
        foreground = None if view is None else view.foreground(frame)
        found = self._carried(grey, time_us, foreground)
        if found is None or self._keyframe_due(found, time_us):
            found = self._looked_at(frame, time_us, foreground, found)
        self._before = grey, time_us
        return found

    def _empty_view(self) -> EmptyView | None:
        if self._background is not None and self._view is None:
            self._view = EmptyView(self._background, self._values_of(self._background.picture))
        return self._view

    def _carried(self, grey: Uint8, time_us: int, foreground: Bools | None) -> CarriedDepth | None:
        """Returns what flow carries; None where there is nothing to carry, or nothing was filmed for too long."""
        if self._key is None or self._chain is None or self._before is None or min(grey.shape) < LEAST_SIDE_PX:
            return None
        before, before_us = self._before
        if time_us - before_us > self._params.keyframe_s * 1e6:
            return None
        self._chain = self._chain.extended(*self._flow.back(grey, before))
        rows, columns, valid = self._chain.sources()
        values = self._key.values[rows, columns]
        if foreground is None or self._view is None:
            values = fill_nearest(values, valid & np.isfinite(values), ~valid)
            return self._made(values, False, ~valid, foreground)
        # What covered the background at the keyframe is what moves: nothing else can cover it now.
        valid &= foreground
        if self._key.foreground is not None:
            valid &= self._key.foreground[rows, columns]
        values = np.where(foreground, values, self._view.values)
        if self._key.regions is not None:
            now = Regions.of(foreground, self._view.values)
            values = follow_feet(values, valid, now, self._key.regions, (rows, columns))
        values = fill_foreground(values, valid, foreground, self._view.values)
        return self._made(values, False, foreground & ~valid, foreground)

    def _keyframe_due(self, carried: CarriedDepth, time_us: int) -> bool:
        assert self._key is not None
        if carried.foreground is not None and not carried.foreground.any():
            return False  # all is background
        age_us = time_us - self._key.time_us
        share = 1.0 if carried.foreground is None else float(carried.foreground.mean())
        failed = carried.invalid_share > max(_SMALL_SHARE, self._params.max_invalid * share)
        return age_us >= (self._params.least_keyframe_s if failed else self._params.keyframe_s) * 1e6

    def _looked_at(
        self, frame: Uint8, time_us: int, foreground: Bools | None, carried: CarriedDepth | None
    ) -> CarriedDepth:
        values = self._in_scale(self._values_of(frame), foreground, carried)
        regions = None
        if foreground is not None and self._view is not None:
            values = np.where(foreground, values, self._view.values)
            regions = Regions.of(foreground, self._view.values)
        self._key = _Keyframe(time_us, values, foreground, regions)
        self._chain = Chain.at_keyframe((frame.shape[0], frame.shape[1]))
        return self._made(values, True, np.zeros(values.shape, np.bool_), foreground)

    def _in_scale(self, values: Float32, foreground: Bools | None, carried: CarriedDepth | None) -> Float32:
        """Returns a keyframe's values in the scale of the background, or of the frames before."""
        metric = isinstance(self._like, MetricDepth)
        scale_only = metric or (isinstance(self._like, AffineDepth) and self._like.scale_only)
        fitted = None
        if foreground is not None and self._view is not None:
            fitted = aligned(values, self._view.values, ~foreground, scale_only)
        # Metres of a camera that moves stay as they are: a scale that is carried on would drift.
        if fitted is None and not metric and carried is not None:
            fitted = aligned(values, carried.depth.values, ~carried.invalid, scale_only)
        if fitted is None and not metric and (self._key is not None or self._view is not None):
            self._scale_group += 1
        return values if fitted is None else fitted

    def _values_of(self, picture: Uint8) -> Float32:
        depth = self._estimate(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))
        self.calls += 1
        if self._like is not None and self._like.kind != depth.kind:
            raise ModelError(f"the depth model gave {self._like.kind} depth, then {depth.kind}: it must keep to one")
        self._like = depth
        values = np.where(depth.known, depth.values, np.float32(np.nan))
        height, width = picture.shape[:2]
        if values.shape != (height, width):
            values = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(values, np.float32)

    def _made(self, values: Float32, keyframe: bool, invalid: Bools, foreground: Bools | None) -> CarriedDepth:
        assert self._like is not None
        depth = replace(self._like, values=np.asarray(values, np.float32))
        return CarriedDepth(depth, keyframe, invalid, self._scale_group, foreground)
