"""Depth networks of the transformers library, from a local folder.

The library's own image processor makes the input and restores the picture's size, as ``transformers.pipeline`` does;
``bench/depth_pipeline.py`` counts that both give the same bits. Code in the folder never runs.
"""

from typing import Any

import numpy as np

from ops.depth_models.network import DepthEstimate, DepthNetwork, typed_estimate
from schemas.errors import ModelError
from schemas.values import ModelFile, Uint8

ERRORS = 40
"""The level of messages from which on transformers logs."""

UNUSED = "neck.fusion_stage.layers.0.residual_layer1."
"""Weights that DPT's published files lack: the first fusion layer has nothing to add, and never uses them."""


def load_folder(model: ModelFile, cpus: int) -> DepthNetwork:
    """Loads a folder with config, image processor and safetensors weights.

    Networks run in 32 bits, whatever their weights are stored in: half precision overflows in some of them.

    Raises:
        ModelError: files are missing, or the weights are of another network than the config.
    """
    import torch
    from PIL import Image

    processor, network = _load(model, cpus)

    def estimate(picture: Uint8) -> DepthEstimate:
        height, width = picture.shape[:2]
        try:
            inputs = processor(images=Image.fromarray(picture), return_tensors="pt")
            with torch.inference_mode():
                outputs = network(**inputs)
                # The second argument is named differently from network to network, but means the same.
                (found,) = processor.post_process_depth_estimation(outputs, [(height, width)])
        except (RuntimeError, ValueError, ZeroDivisionError) as error:
            raise ModelError(
                f"{model.path}: cannot take a picture of {width} x {height} pixels: {_first_line(error)}"
            ) from error
        values = found["predicted_depth"].reshape(height, width).numpy()
        focal = found.get("focal_length")
        focal_px = None if focal is None else float(focal)
        return typed_estimate(model, np.asarray(values, np.float32), focal_px, inputs["pixel_values"].shape[-1] / width)

    return estimate


def _load(model: ModelFile, cpus: int) -> tuple[Any, Any]:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a run shows its own
    torch.set_num_threads(cpus)
    verbosity = logging.get_verbosity()
    logging.set_verbosity(ERRORS)  # the report of missing weights is an error of ours, and one line
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        processor = AutoImageProcessor.from_pretrained(model.path, **local)  # type: ignore[no-untyped-call]
        network, info = AutoModelForDepthEstimation.from_pretrained(
            model.path, **local, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = _first_line(error)
        raise ModelError(f"{model.path}: transformers cannot load it as a depth model: {reason}") from error
    finally:
        logging.set_verbosity(verbosity)
    lacking = sorted(
        name for name in {*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])} if UNUSED not in name
    )
    if lacking:
        raise ModelError(
            f"{model.path}: the weights are not those of a {type(network).__name__}, which config.json names: "
            f"{len(lacking)} are missing, such as {lacking[0]}"
        )
    return processor, network.eval()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
