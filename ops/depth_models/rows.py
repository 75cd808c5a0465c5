"""Depth maps as rows of table ``depth_maps``: in 16 bits, and back with their type."""

import zlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from ops.depth_models.kinds import KINDS, AffineDepth, Depth, MetricDepth
from schemas.values import Float32

STEREO = "stereo"
"""Column ``model`` of maps that a stereo pair measured."""

LARGEST_F16 = float(np.finfo(np.float16).max)


def pack_depth(depth: Depth, max_width_px: int) -> dict[str, Any]:
    """Returns the columns of a map: its size, kind and values, in 16 bits.

    Metres beyond 16 bits (65 504 m) become unknown. The scale of other kinds is unknown anyway: where their values
    are too large, all are divided by one power of two; only a scale that is the focal length may not change, so there
    the largest become unknown as well.

    Args:
        depth: the map.
        max_width_px: a wider one is stored smaller; values are picked and not mixed, so that none is between two
            things at an edge.
    """
    values = _narrowed(depth.values, max_width_px)
    finite = np.isfinite(values)
    fixed = isinstance(depth, MetricDepth) or (isinstance(depth, AffineDepth) and depth.scale_is_focal)
    largest = float(np.abs(values[finite]).max(initial=0.0))
    if not fixed and largest > LARGEST_F16:
        values = values / np.float32(2.0 ** np.ceil(np.log2(largest / LARGEST_F16)))
    stored = np.where(finite & (np.abs(values) <= LARGEST_F16), values, np.nan).astype("<f2")
    known = stored[np.isfinite(stored)].astype(np.float32)
    return {
        "width": stored.shape[1],
        "height": stored.shape[0],
        "kind": depth.kind,
        "scale_only": isinstance(depth, AffineDepth) and (depth.scale_only or depth.scale_is_focal),
        "scale_is_focal": isinstance(depth, AffineDepth) and depth.scale_is_focal,
        "values_f16": zlib.compress(stored.tobytes(), 6),
        "value_min": float(known.min()) if known.size else None,
        "value_max": float(known.max()) if known.size else None,
        "unknown_share": 1.0 - known.size / stored.size,
    }


def unpack_depth(row: Mapping[str, Any]) -> Depth:
    """Returns the map of a row of ``depth_maps``, ``(height, width)``, of its kind.

    Its pixels are ``source_width / width`` pixels of the frames wide.
    """
    flat = np.frombuffer(zlib.decompress(row["values_f16"]), "<f2")
    values = flat.reshape(row["height"], row["width"]).astype(np.float32)
    if row["kind"] == AffineDepth.kind:
        return AffineDepth(values, row["scale_only"], row["scale_is_focal"])
    return KINDS[row["kind"]](values)


def _narrowed(values: Float32, max_width_px: int) -> Float32:
    height, width = values.shape
    share = min(1.0, max_width_px / width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_NEAREST_EXACT), np.float32)
