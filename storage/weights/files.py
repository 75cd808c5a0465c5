"""Reads the identity and metadata of weights files, without running any code in them.

Formats: OpenVINO IR, ONNX, TensorFlow Lite, PyTorch checkpoints as Ultralytics writes them, and transformers folders.
"""

import hashlib
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from xml.etree import ElementTree

from schemas.depth import DepthFacts
from schemas.errors import ModelError
from storage.files import sha256_file, temporary_path
from storage.weights.depth_facts import (
    DECLARATION,
    PROCESSORS,
    declaration_file,
    graph_facts,
    read_declaration,
    read_folder,
)
from storage.weights.licences import licence_of_card

Format = Literal["openvino", "onnx", "tflite", "pt", "transformers"]
Task = Literal["detect", "pose", "mask", "depth", "face", "embed", "interactions"]
Layout = Literal["yolo", "yolox", "depth", "qpic", "other"]

FOLDER_FILES = (
    *("*.xml", "*.bin", "metadata.yaml", "config.json", *PROCESSORS),
    *("*.safetensors", "*.safetensors.index.json", DECLARATION),
)
"""Patterns of the files that a model folder's hash covers; others are calibration logs and readmes."""

COCO_CLASSES = 80


@dataclass(frozen=True)
class ModelFacts:
    """Metadata of weights; None where they have none."""

    format: Format
    task: Task | None = None
    layout: Layout = "other"
    licence: str | None = None
    input_px: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    depth: DepthFacts | None = None


def format_of(path: Path) -> Format | None:
    """Returns the format of a file or folder by its suffix or content; None if it is not a weights file."""
    if path.is_dir():
        if any(path.glob("*.xml")):
            return "openvino"
        return "transformers" if (path / "config.json").is_file() else None
    return {".onnx": "onnx", ".tflite": "tflite", ".pt": "pt", ".pth": "pt"}.get(path.suffix)  # type: ignore[return-value]


def model_parts(path: Path) -> list[Path]:
    """Returns the files of a model, by name; for ONNX also the tensors in ``NAME.onnx.data``."""
    if path.is_dir():
        return sorted({part for pattern in FOLDER_FILES for part in path.glob(pattern) if part.is_file()})
    external = path.with_name(path.name + ".data")
    return [path, external] if path.suffix == ".onnx" and external.is_file() else [path]


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file; of several files, that of the lines ``NAME SHA256`` in order of the names.

    The declaration beside an ONNX file counts after that: it changes what the same weights give.

    Raises:
        ModelError: a file cannot be read.
    """
    parts, declaration = model_parts(path), declaration_file(path)
    try:
        sums = [sha256_file(part) for part in parts]
        declared = sha256_file(declaration) if path.is_file() and declaration.is_file() else None
    except OSError as error:
        raise ModelError(f"weights {path} cannot be read: {error.strerror}; check its permissions") from error
    lines = ((part.name, digest) for part, digest in zip(parts, sums, strict=True))
    whole = sums[0] if path.is_file() and len(parts) == 1 else _sha256_of_lines(lines)
    return whole if declared is None else _sha256_of_lines([("weights", whole), (DECLARATION, declared)])


def _sha256_of_lines(sums: Iterable[tuple[str, str]]) -> str:
    return hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in sums).encode()).hexdigest()


def copy_model(source: Path, target: Path) -> None:
    """Copies a model's files; ``target`` appears when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = temporary_path(target)
    try:
        if source.is_dir():
            unfinished.mkdir()
            for part in model_parts(source):
                shutil.copyfile(part, unfinished / part.name)
        else:
            for part in model_parts(source)[1:]:  # an ONNX file refers to its tensors by name, so those keep it
                shutil.copyfile(part, target.with_name(part.name))
            if declaration_file(source).is_file():
                shutil.copyfile(declaration_file(source), declaration_file(target))
            shutil.copyfile(source, unfinished)
        unfinished.rename(target)
    except OSError as error:
        raise ModelError(f"{source} cannot be copied to {target}: {error.strerror}") from error
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)


def read_model_facts(path: Path, task: Task | None = None) -> ModelFacts:
    """Reads the metadata of weights, a file or a folder.

    Args:
        path: the weights.
        task: their task, if they do not name it.

    Raises:
        ModelError: these are not weights, or they are damaged, or for a task that Nightshift does not use, or it is
            not known what their depth means.
    """
    kind = format_of(path)
    if kind is None:
        raise ModelError(
            f"{path} is not a weights file; give an .onnx, .tflite, .pt or .pth file, an OpenVINO folder (.xml, .bin) "
            "or a transformers folder (config.json, .safetensors)"
        )
    try:
        facts = _READERS[kind](path)
        return _with_declaration(path, replace(facts, task=facts.task or task))
    except OSError as error:
        raise ModelError(f"weights {path} cannot be read: {error.strerror}; check its permissions") from error


def _with_declaration(path: Path, facts: ModelFacts) -> ModelFacts:
    """Adds what ``depth.toml`` and a model card say."""
    declared = read_declaration(path)
    card = licence_of_card(path) if path.is_dir() else None
    facts = replace(facts, licence=(declared.licence if declared else None) or facts.licence or card)
    if facts.format not in ("onnx", "openvino") or (facts.task or (declared and "depth")) != "depth":
        return facts
    return replace(facts, task="depth", layout="depth", depth=graph_facts(path, declared, facts.input_px))


@cache
def known_list() -> dict[str, Any]:
    """Returns the content of ``known.toml``."""
    return tomllib.loads(Path(__file__).with_name("known.toml").read_text(encoding="utf-8"))


def coco80() -> tuple[str, ...]:
    """Returns the COCO classes, which a model of 80 classes without names has."""
    return tuple(known_list()["coco80"])


def _not_weights(path: Path, why: object) -> ModelError:
    return ModelError(
        f"{path} is not a readable weights file: {str(why).strip().splitlines()[0]}; fetch or export it again"
    )


def _task(name: str, path: Path) -> Task:
    if name not in get_args(Task):
        raise ModelError(f"{path} is for the task {name!r}; Nightshift uses {', '.join(get_args(Task))}")
    return name  # type: ignore[return-value]


def _layout(shape: list[int | None], classes: int, task: Task | None) -> Layout:
    """Returns how an output of three dimensions is decoded; None is a dynamic dimension.

    YOLOX has an objectness score beside box and classes (5 + classes), later YOLO versions have none (4 + classes).
    """
    if task not in ("detect", "pose"):
        return "depth" if task == "depth" else "other"
    if shape[2] is not None and (shape[2] == classes + 5 or (not classes and shape[2] == COCO_CLASSES + 5)):
        return "yolox"
    return "yolo"


# OpenVINO ------------------------------------------------------------------------------------------------------------


def _openvino_facts(folder: Path) -> ModelFacts:
    graphs = sorted(folder.glob("*.xml"))
    if len(graphs) != 1:
        raise ModelError(f"{folder} holds {len(graphs)} .xml files; an OpenVINO model folder has exactly one")
    (graph,) = graphs
    if not graph.with_suffix(".bin").is_file():
        raise ModelError(f"{folder} has no {graph.stem}.bin beside {graph.name}: copy the whole folder")
    shapes = _openvino_shapes(graph)
    return _network_facts("openvino", folder, *shapes, _read_metadata(folder / "metadata.yaml"))


def _openvino_shapes(graph: Path) -> tuple[list[list[int | None]], list[list[int | None]]]:
    """Returns the shapes of inputs and outputs, from the IR's XML alone: parsing it runs no code of the model."""
    try:
        root = ElementTree.parse(graph).getroot()
    except ElementTree.ParseError as error:
        raise _not_weights(graph, error) from error
    layers = root.findall("./layers/layer") if root.tag == "net" else []
    if not layers:
        raise _not_weights(graph, "no network in it")

    def shapes(kind: str, port: str) -> list[list[int | None]]:
        ports = [layer.find(f"./{port}/port") for layer in layers if layer.get("type") == kind]
        sizes = [[int(dim.text or -1) for dim in found.findall("dim")] for found in ports if found is not None]
        return [[None if size < 0 else size for size in shape] for shape in sizes]

    return shapes("Parameter", "output"), shapes("Result", "input")


def _read_metadata(path: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]

    if not path.is_file():
        return {}
    try:
        metadata = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _not_weights(path, error) from error
    return metadata if isinstance(metadata, dict) else {}


# ONNX ----------------------------------------------------------------------------------------------------------------


def _onnx_facts(path: Path) -> ModelFacts:
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as refusals

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        network = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (
        refusals.Fail,
        refusals.InvalidProtobuf,
        refusals.InvalidGraph,
        refusals.InvalidArgument,
        refusals.NoSuchFile,
        refusals.NotImplemented,
        refusals.RuntimeException,
    ) as error:
        raise _not_weights(path, error) from error
    inputs, outputs = (
        [[size if isinstance(size, int) else None for size in port.shape] for port in ports]
        for ports in (network.get_inputs(), network.get_outputs())
    )
    return _network_facts("onnx", path, inputs, outputs, network.get_modelmeta().custom_metadata_map)


def _class_names(names: object) -> tuple[str, ...]:
    """Reads class names as Ultralytics writes them, ``{0: 'person', 1: 'bicycle'}``: a mapping, a list, or as text."""
    import yaml

    if isinstance(names, str):
        names = yaml.safe_load(names)  # a Python literal of a dict of strings is also YAML flow syntax
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names)]
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _network_facts(
    kind: Format,
    path: Path,
    inputs: list[list[int | None]],
    outputs: list[list[int | None]],
    metadata: Mapping[str, Any],
) -> ModelFacts:
    """Returns a network's facts; what its metadata lack follows from the shape of its output."""
    task = _task(metadata["task"], path) if "task" in metadata else None
    names = _class_names(metadata.get("names"))
    output: list[int | None] = outputs[0] if len(outputs) == 1 and len(outputs[0]) == 3 else [None, None, None]
    coco_shaped = output[1] == COCO_CLASSES + 4 or output[2] == COCO_CLASSES + 5
    if task is None and coco_shaped:
        task = "detect"
    if task == "detect" and not names and coco_shaped:
        names = coco80()
    size = inputs[0] if len(inputs) == 1 else []
    width, height = (size[3], size[2]) if len(size) == 4 else (None, None)
    return ModelFacts(
        kind,
        task,
        _layout(output, len(names), task),
        metadata.get("license"),
        None if width is None or height is None else (width, height),
        names,
    )


# TensorFlow Lite -----------------------------------------------------------------------------------------------------

TFLITE_MARK = b"TFL3"
"""Bytes 4 to 7 of a TensorFlow Lite file."""


def _tflite_facts(path: Path) -> ModelFacts:
    """Checks the kind of the file; its metadata name no task, and it is read whole only when it is loaded."""
    with path.open("rb") as file:
        if file.read(8)[4:] != TFLITE_MARK:
            raise _not_weights(path, "not a TensorFlow Lite model")
    return ModelFacts("tflite")


# transformers and pickles --------------------------------------------------------------------------------------------


def _transformers_facts(folder: Path) -> ModelFacts:
    depth, licence = read_folder(folder)
    return ModelFacts("transformers", "depth", "depth", licence, depth=depth)


TORCH_MARK = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""First bytes of a checkpoint of PyTorch before 1.6, which is no zip but several pickles: the first is this number."""


def _pt_facts(path: Path) -> ModelFacts:
    """Checks a PyTorch checkpoint, whose pickle is not opened; its classes are known only when it is loaded."""
    with path.open("rb") as file:
        if file.read(len(TORCH_MARK)) == TORCH_MARK:
            return ModelFacts("pt", layout="yolo")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("data.pkl") for name in archive.namelist()):
                return ModelFacts("pt", layout="yolo")
    raise _not_weights(path, "not a PyTorch checkpoint")


_READERS: dict[Format, Callable[[Path], ModelFacts]] = {
    "openvino": _openvino_facts,
    "onnx": _onnx_facts,
    "tflite": _tflite_facts,
    "pt": _pt_facts,
    "transformers": _transformers_facts,
}
