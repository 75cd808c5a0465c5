"""What depth weights are: from ``depth.toml`` beside them, or from the config of a transformers folder.

The kind of depth cannot be seen in a network's numbers. Where nothing says it, the weights are refused.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError

from schemas.depth import IMAGENET_MEAN, IMAGENET_SPREAD, DepthFacts, DepthKind, Resize
from schemas.errors import ModelError
from schemas.site_section import Strict

DECLARATION = "depth.toml"

FOLDER_FIELDS = {"kind", "scale_only", "canonical_focal_px", "licence"}
"""What a transformers folder may declare; its image processor knows the rest."""

PROCESSORS = ("preprocessor_config.json", "processor_config.json")
"""The files in which transformers keeps an image processor."""

REFUSED = {
    "prompt_depth_anything": "it needs a measured depth map beside the picture, which cameras do not give",
    "chmv2": "it gives the height of trees seen from above, not depth",
}
METRIC = {"zoedepth", "glpn"}
MIDAS_BACKBONES = {None, "bit", "beit", "swin", "swinv2", "vit", "vit-hybrid"}
"""Backbones of the DPT that MiDaS trained for relative depth. On DINOv2, others trained it for metres."""


class Declaration(Strict):
    """The content of ``depth.toml``; fields as in ``DepthFacts``."""

    kind: DepthKind
    licence: str | None = None
    scale_only: bool = False
    canonical_focal_px: PositiveFloat | None = None
    output: str | None = None
    channel: int | None = Field(None, ge=0)
    factor: str | None = None
    mask: str | None = None
    intrinsics: str | None = None
    inputs: dict[str, float] = Field({})
    mean_rgb: tuple[float, float, float] = IMAGENET_MEAN
    std_rgb: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = IMAGENET_SPREAD
    input_px: tuple[PositiveInt, PositiveInt] | None = None
    multiple_px: PositiveInt = 14
    resize: Resize = "fit"

    def facts(self) -> DepthFacts:
        """Returns the declaration as the ops know it."""
        return DepthFacts(**self.model_dump(exclude={"licence", "inputs"}), inputs=tuple(sorted(self.inputs.items())))


def facts_of_record(fields: Mapping[str, Any]) -> DepthFacts:
    """Returns facts from their JSON form in ``models.json``."""
    return Declaration.model_validate({**fields, "inputs": dict(fields["inputs"])}).facts()


def declaration_file(weights: Path) -> Path:
    """Returns where the declaration of weights is: in their folder, or beside the file as ``NAME.depth.toml``."""
    return weights / DECLARATION if weights.is_dir() else weights.with_name(f"{weights.stem}.{DECLARATION}")


def read_declaration(weights: Path) -> Declaration | None:
    """Reads the declaration of weights; None if there is none.

    Raises:
        ModelError: it is not TOML, a field is unknown, missing or wrong, or fields contradict each other.
    """
    path = declaration_file(weights)
    if not path.is_file():
        return None
    try:
        declared = Declaration.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not TOML: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ModelError(f"{path}: {field}: {first['msg']}; docs/depth.md lists the fields") from error
    if declared.scale_only and declared.kind != "affine":
        raise ModelError(f"{path}: scale_only is for affine depth, and this is {declared.kind}")
    if declared.canonical_focal_px is not None and declared.kind != "metric":
        raise ModelError(f"{path}: canonical_focal_px is for metric depth, and this is {declared.kind}")
    return declared


def graph_facts(weights: Path, declared: Declaration | None, fixed_px: tuple[int, int] | None) -> DepthFacts:
    """Returns the facts of an ONNX file or OpenVINO IR for depth.

    Args:
        weights: the file or folder, for messages.
        declared: its declaration.
        fixed_px: (width, height) of its input, if that is fixed.

    Raises:
        ModelError: there is no declaration, or it does not say what the graph leaves open.
    """
    path = declaration_file(weights)
    if declared is None:
        raise ModelError(
            f'{weights}: nothing says what its depth means; write {path} with kind = "relative", "affine" or "metric", '
            "as docs/depth.md shows"
        )
    size = declared.input_px or fixed_px
    if size is None:
        raise ModelError(f"{path}: the network takes any size; write input_px = [width, height]")
    if fixed_px is not None and (size != fixed_px or declared.resize == "fit"):
        raise ModelError(
            f"{path}: the network takes {fixed_px[0]} x {fixed_px[1]} pixels only; "
            'write resize = "pad" or "stretch", and no other input_px'
        )
    return declared.model_copy(update={"input_px": size}).facts()


def read_folder(folder: Path) -> tuple[DepthFacts, str | None]:
    """Returns the facts of a transformers folder, and the licence that its config names.

    A declaration overrides what the config says of the depth.

    Raises:
        ModelError: it is no network for depth from one picture, a file is missing, or nothing says the kind.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}; copy the whole folder again") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path} holds no table of fields; copy the whole folder again")
    kind, name = config.get("model_type"), " ".join(config.get("architectures") or ())
    if not name.endswith("ForDepthEstimation"):
        raise ModelError(
            f"{folder} is a {name or 'nameless'} model; of transformers, Nightshift runs those ...ForDepthEstimation, "
            "such as DPTForDepthEstimation"
        )
    if kind in REFUSED:
        raise ModelError(f"{folder} is a {name} model: {REFUSED[kind]}")
    for lacking in _lacking_files(folder):
        raise ModelError(f"{folder} has no {lacking}; copy the whole folder, saved with safetensors")
    return _declared_facts(folder) or _known_facts(folder, config), config.get("license")


def _lacking_files(folder: Path) -> list[str]:
    """Returns what a folder lacks: its image processor, or weights, which may be spread over several files."""
    lacking = [] if any((folder / name).is_file() for name in PROCESSORS) else [PROCESSORS[0]]
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return lacking + ([] if any(folder.glob("*.safetensors")) else ["model.safetensors"])
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index} is no list of files; copy the whole folder again") from error
    return lacking + [name for name in shards if not (folder / name).is_file()]


def _declared_facts(folder: Path) -> DepthFacts | None:
    declared = read_declaration(folder)
    if declared is None:
        return None
    if others := sorted(declared.model_fields_set - FOLDER_FIELDS):
        raise ModelError(
            f"{declaration_file(folder)}: {', '.join(others)}: only for ONNX and OpenVINO; a transformers "
            "folder has an image processor, which says it"
        )
    return declared.facts()


def _known_facts(folder: Path, config: Mapping[str, Any]) -> DepthFacts:
    kind, backbone = config.get("model_type"), (config.get("backbone_config") or {}).get("model_type")
    if kind == "depth_anything":
        return DepthFacts("metric" if config.get("depth_estimation_type") == "metric" else "relative")
    if kind in METRIC:
        return DepthFacts("metric")
    if kind == "depth_pro":
        # Its scale comes from the focal length that its second network estimates.
        return DepthFacts("metric") if config.get("use_fov_model") else DepthFacts("affine", scale_only=True)
    if kind == "dpt" and backbone in MIDAS_BACKBONES:
        return DepthFacts("relative")
    raise ModelError(
        f"{folder}: its config does not say what kind of depth it gives; write {declaration_file(folder)} with "
        'kind = "relative", "affine" or "metric"'
    )
