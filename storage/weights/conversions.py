"""What is recorded of converted weights: their name, their metadata, and which weights they were converted from."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from schemas.values import ModelFile

_ENDINGS = re.compile(r"(\.onnx|\.pt|_openvino_model|-fp16|-fp32)$")
_ORIGIN = re.compile(r"converted from .* \(sha256 ([0-9a-f]{64})\)")


def converted_name(source: str, suffix: str) -> str:
    """Returns the usual name of a conversion: ``yolo11n.pt`` and ``-int8`` give ``yolo11n-int8``."""
    return _ENDINGS.sub("", source) + suffix


def converted_origin(source: ModelFile, how: str) -> str:
    """Returns the origin of weights converted from others; ``family`` reads it."""
    return f"converted from {source.name} (sha256 {source.sha256}): {how}"


def family(model: ModelFile, known: Collection[ModelFile]) -> str:
    """Returns the sha256 of the weights from which weights were converted, however often; their own, if they were not.

    Args:
        model: the weights.
        known: weights whose origin is known.
    """
    sources = {each.sha256: found[1] for each in (*known, model) if (found := _ORIGIN.match(each.origin))}
    sha256, seen = model.sha256, set[str]()
    while sha256 in sources and sha256 not in seen:
        seen.add(sha256)
        sha256 = sources[sha256]
    return sha256


def metadata_of(source: ModelFile, classes: tuple[str, ...]) -> Mapping[str, str]:
    """Returns the metadata that converted weights carry, as ``read_model_facts`` reads them."""
    return {"task": source.task, "license": source.licence, "names": str(dict(enumerate(classes)))}


def write_metadata(folder: Path, metadata: Mapping[str, str]) -> None:
    """Writes the metadata beside OpenVINO IR."""
    import yaml  # type: ignore[import-untyped]

    (folder / "metadata.yaml").write_text(yaml.safe_dump(dict(metadata), sort_keys=True, allow_unicode=True))
