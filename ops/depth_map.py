"""Op ``depth_map``: a dense depth map of each segment's background, from a model that the user brings.

Off unless ``[ops.depth_map] model`` names one: a folder that transformers can load, an ONNX file or an OpenVINO IR.
Values alone do not show whether they are metres, so the model's description says it (``ModelFile.scale``); without a
word there, depth is relative.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ops.openvino_cpu import cpu_settings, graph_file, reason_of
from schemas.errors import ModelError
from schemas.op import ModelRequest, Models, OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import Float32, ModelFile, Uint8, UnitContext

MEAN_RGB = np.array([0.485, 0.456, 0.406], dtype=np.float32)
SPREAD_RGB = np.array([0.229, 0.224, 0.225], dtype=np.float32)
"""ImageNet's, which MiDaS, DPT and Depth Anything were trained with and their ONNX files expect."""

FREE_SIDE_PX = 518
"""Input width and height of ONNX models that take any size: a multiple of 14, as vision transformers need."""

DEPTH = "depth"
LARGEST_F16 = float(np.finfo(np.float16).max)

Estimate = Callable[[Uint8], Float32]
"""From an image ``(H, W, 3)`` uint8 RGB to a map ``(h, w)`` of any size."""


@dataclass(frozen=True)
class DepthMapParams:
    """Parameters of ``depth_map``."""

    model: str = param("", "name of a depth model in models/; empty: the op is off")
    max_width_px: int = param(640, "largest width of a stored map, pixels")


class DepthMap(TableOp):
    """Runs a dense depth model on backgrounds."""

    spec = OpSpec(
        name="depth_map",
        version=1,
        summary="Dense depth of each segment's background, from a configured model.",
        scope=Scope.SEGMENT,
        reads=(Read("backgrounds", required=False),),
        writes=("depth_maps",),
        params=DepthMapParams,
        memory_mb=3000,
    )
    params: DepthMapParams

    def __init__(self, params: DepthMapParams | None = None) -> None:
        super().__init__(params)
        self._model: ModelFile | None = None
        self._estimate: Estimate | None = None

    @property
    def enabled(self) -> bool:
        """Whether a model is named."""
        return bool(self.params.model)

    @property
    def model_requests(self) -> Mapping[str, ModelRequest]:
        """Asks for the model named."""
        return {DEPTH: ModelRequest(self.params.model, "depth")} if self.params.model else {}

    def open(self, models: Models, cpus: int) -> None:
        """Loads the model.

        Raises:
            ModelError: the model is missing, or gives no depth.
        """
        model = models.get(DEPTH)
        if model is None:
            raise ModelError(f"depth model {self.params.model!r} is missing; put it into the site's models/")
        if model.format == "transformers":
            self._estimate = _load_transformers(model, cpus)
        elif model.format in {"onnx", "openvino"}:
            self._estimate = _load_openvino(model, cpus)
        else:
            raise ModelError(
                f"{model.path}: a {model.format} file; depth needs a transformers folder, ONNX or OpenVINO"
            )
        self._model = model

    def close(self) -> None:
        """Frees the model."""
        self._model = self._estimate = None

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Gives ``depth_maps``: one row per background; none for a moving camera, which has no background.

        Raises:
            ModelError: the model's output is no map of finite numbers.
        """
        backgrounds = inputs["backgrounds"].to_pylist() if "backgrounds" in inputs else []
        if not backgrounds:
            return {"depth_maps": TABLES["depth_maps"].empty()}
        if self._model is None or self._estimate is None:
            raise ModelError("depth_map was not opened with a model")
        rows = []
        for background in backgrounds:
            image = cv2.imdecode(np.frombuffer(background["png"], dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
            raw = self._estimate(np.asarray(image, dtype=np.uint8))
            depth = self._fit(raw, background["width"], background["height"])
            services.count("depth_calls")
            rows.append(
                {
                    "camera": unit.camera.camera,
                    "segment_id": background["segment_id"],
                    "width": depth.shape[1],
                    "height": depth.shape[0],
                    "scale": self._model.scale or "relative",
                    "values_f16": zlib.compress(depth.astype("<f2").tobytes(), 6),
                    "value_min": float(depth.min()),
                    "value_max": float(depth.max()),
                    "model": self._model.name,
                }
            )
        return {"depth_maps": TABLES["depth_maps"].conform({name: [row[name] for row in rows] for name in rows[0]})}

    def _fit(self, depth: Float32, width_px: int, height_px: int) -> Float32:
        """Scales a map to the background's shape, no wider than allowed, and rounds it to float16, as it is stored."""
        assert self._model is not None
        if depth.ndim != 2 or not np.isfinite(depth).all():
            raise ModelError(f"{self._model.path}: gives no map of finite numbers but {depth.shape = }")
        share = min(1.0, self.params.max_width_px / width_px)
        size = (max(1, round(width_px * share)), max(1, round(height_px * share)))
        shaped = cv2.resize(depth, size, interpolation=cv2.INTER_LINEAR)
        return np.clip(shaped, -LARGEST_F16, LARGEST_F16).astype(np.float16).astype(np.float32)


def _load_transformers(model: ModelFile, cpus: int) -> Estimate:
    """Loads a folder with config, image processor and safetensors weights; code in the folder never runs."""
    import torch
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a run shows its own
    torch.set_num_threads(cpus)
    try:
        processor = AutoImageProcessor.from_pretrained(model.path, local_files_only=True)  # type: ignore[no-untyped-call]
        network = AutoModelForDepthEstimation.from_pretrained(model.path, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{model.path}: transformers cannot load it as a depth model: {reason}") from error
    network.eval()

    def estimate(image: Uint8) -> Float32:
        with torch.inference_mode():
            depth = network(**processor(images=image, return_tensors="pt")).predicted_depth
        return np.asarray(depth.squeeze().to(torch.float32).numpy())

    return estimate


def _load_openvino(model: ModelFile, cpus: int) -> Estimate:
    """Loads ONNX or OpenVINO IR with input ``(1, 3, H, W)``, RGB, normalised by ImageNet's mean and spread."""
    import openvino

    try:
        core = openvino.Core()
        network = core.read_model(graph_file(Path(model.path)))
        shape = network.input(0).partial_shape
        sides = [shape[axis].get_length() if shape[axis].is_static else 0 for axis in (2, 3)]
        width_px, height_px = model.input_px or (sides[1] or FREE_SIDE_PX, sides[0] or FREE_SIDE_PX)
        network.reshape([1, 3, height_px, width_px])
        compiled = core.compile_model(network, "CPU", cpu_settings(cpus))
    except (RuntimeError, IndexError) as error:
        raise ModelError(f"{model.path}: OpenVINO cannot load it as a depth model: {reason_of(error)}") from error

    def estimate(image: Uint8) -> Float32:
        scaled = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        tensor = ((scaled - MEAN_RGB) / SPREAD_RGB).transpose(2, 0, 1)[None]
        return np.asarray(np.squeeze(compiled([np.ascontiguousarray(tensor)])[0]).astype(np.float32))

    return estimate
