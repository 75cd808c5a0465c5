"""Opens the networks that cut people out of the scene, distinguished by their inputs and outputs."""

from pathlib import Path
from typing import Any

from ops.depth_models.load import load_depth_network
from ops.foreground.blazepose import BlazePose
from ops.foreground.depth import DepthMasks
from ops.foreground.looks import MaskFinder
from ops.foreground.matting import RobustMatting
from ops.foreground.u2net import U2Net
from ops.openvino_cpu import graph_file, reason_of
from schemas.errors import ModelError
from schemas.values import ModelFile

KINDS: tuple[type[BlazePose] | type[RobustMatting] | type[U2Net], ...] = (BlazePose, RobustMatting, U2Net)


def open_masks(model: ModelFile, depth_threshold: float = 0.0) -> MaskFinder:
    """Loads a network that cuts people out, for one thread, so that any number of CPUs gives the same result.

    Args:
        model: its weights; those of a network for depth cut out who is near.
        depth_threshold: of ``DepthMasks``.

    Raises:
        ModelError: the weights are damaged, or those of another network.
    """
    if model.task == "depth":
        return DepthMasks(load_depth_network(model, 1), depth_threshold)
    import openvino as ov

    try:
        network: Any = ov.Core().read_model(graph_file(Path(model.path)))
        for kind in KINDS:
            if kind.is_of(network):
                return kind(network)
    except RuntimeError as error:
        reason = f"OpenVINO cannot load {model.path}: {reason_of(error)}; fetch or export it again"
        raise ModelError(reason) from error
    raise ModelError(
        f"weights {model.name!r} cut nobody out; use MediaPipe's pose_landmark_full.tflite, Robust Video Matting "
        "(rvm_mobilenetv3), U-2-Net (u2netp.onnx) or a network for depth"
    )
