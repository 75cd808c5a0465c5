"""Finds model weights by name, checks them against their sha256, and imports new ones. Nothing is ever downloaded.

Search order: the site's ``models/``, ``$NIGHTSHIFT_MODELS``, the user's cache. Weights on the known list
(``known.toml``) or imported before (``models/models.json``) must be unaltered; others are described by their own
metadata. A ``.pt`` is a pickle, which can run code when it is loaded: unless it is on the known list, it is refused
until the user trusts it by name and sha256. Weights for interactions need no trust: of those, PyTorch reads tensors and
plain values only (``weights_only``), whatever else their pickle asks for.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from schemas.errors import ModelError
from schemas.op import ModelRequest
from schemas.values import ModelFile
from storage.files import write_atomic
from storage.machine import home_folder
from storage.weights.conversions import family
from storage.weights.depth_facts import facts_of_record
from storage.weights.files import (
    ModelFacts,
    Task,
    coco80,
    copy_model,
    format_of,
    known_list,
    read_model_facts,
    sha256_of,
)
from storage.weights.licences import is_allowed, require_allowed

RECORD = "models.json"
PREFERRED = (
    "yolo11n_int8_openvino_model",
    "yolov8n_int8_openvino_model",
    "yolox_nano.onnx",
    "pose_landmark_full.tflite",
    "rvm_mobilenetv3",
)
"""Weights that ``auto`` prefers if they are for the requested task, the most accurate first."""

_SUFFIXES = (".onnx", ".pt", ".pth")
"""Suffixes that a name may leave out."""

# Within ``ModelStore`` the name ``list`` is its method, so these types are named here.
Paths = list[Path]
Checks = list[tuple[str, bool, str]]


class ModelStore:
    """The weights that a site can use.

    Args:
        site_models: the site's ``models`` folder; it need not exist.
        trust: sha256, by name, of pickled weights that may be loaded though they are not on the known list.
        licences: licences that limit the use of weights, and that the site allows.
    """

    def __init__(
        self, site_models: Path, trust: Mapping[str, str] | None = None, licences: Collection[str] = ()
    ) -> None:
        self._site_models = site_models
        self._trust = dict(trust or {})
        self._licences = frozenset(licences)

    @property
    def folders(self) -> Paths:
        """Folders to search for weights, in order."""
        given = os.environ.get("NIGHTSHIFT_MODELS")
        cache = os.environ.get("XDG_CACHE_HOME")
        home = home_folder()
        caches = [Path(cache)] if cache else [home / ".cache"] if home else []
        return [
            self._site_models,
            *([Path(given)] if given else []),
            *(each / "nightshift" / "models" for each in caches),
        ]

    def resolve(self, request: ModelRequest, excluding: Collection[ModelFile] = ()) -> ModelFile | None:
        """Returns the requested weights; for ``auto`` the best available for the task, None if there are none.

        Args:
            request: name and task.
            excluding: for ``auto``: weights not to return, nor conversions of them. Another layout is preferred, since
                a second detector of the same kind makes the same errors.

        Raises:
            ModelError: the named weights are missing, for another task, altered, unreadable, not trusted, or of a
                licence that the site does not allow.
        """
        if request.name == "auto":
            return self._best(request.task, excluding)
        path = self._find(request.name)
        if path is None:
            raise ModelError(
                f"no weights {request.name!r} in {', '.join(map(str, self.folders))}; "
                "import them with `nightshift models import FILE`, or name others (`nightshift models list`)"
            )
        model = self._describe(path)
        if model.task not in (request.task, request.or_task):
            raise ModelError(f"weights {request.name!r} ({path}) are for {model.task}, but {request.task} is asked for")
        require_allowed(model, self._licences)
        return model

    def list(self) -> list[ModelFile]:
        """Returns all usable weights, by name; ``verify`` says why others are not."""
        return [model for model, _ in map(self._try_describe, self._all_paths()) if model is not None]

    def import_model(
        self,
        source: Path,
        name: str | None = None,
        task: Task | None = None,
        licence: str | None = None,
        origin: str | None = None,
    ) -> ModelFile:
        """Copies weights into the site's ``models/`` and records their facts.

        Args:
            source: a file, or a folder for OpenVINO and transformers models.
            name: new name; by default the source's.
            task: their task, if their metadata do not name it; ``detect`` by default for a ``.pt``.
            licence: their licence, if their metadata do not name it.
            origin: where they come from; by default the source's path.

        Raises:
            ModelError: they are not weights, not trusted or altered, or other weights have that name.
        """
        target = self._site_models / _target_name(source, name)
        model = self.describe(source, name, task)
        if target.exists() and sha256_of(target) != model.sha256:
            raise ModelError(f"other weights are at {target}; remove them, or import these with --name OTHER")
        known = _known_by_sha().get(model.sha256)
        origin = origin or (known.origin if known else str(source))
        recorded = replace(model, path=str(target), licence=licence or model.licence, origin=origin)
        if not target.exists():
            copy_model(source, target)
        record = self._record()
        record[target.name] = {key: value for key, value in asdict(recorded).items() if key not in ("name", "path")}
        text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False)
        write_atomic(self._site_models / RECORD, (text + "\n").encode())
        return recorded

    def describe(self, source: Path, name: str | None = None, task: Task | None = None) -> ModelFile:
        """Describes weights as ``import_model`` would import them; arguments and errors are the same."""
        if not source.exists():
            raise ModelError(f"there is no file or folder {source}; give the path of the weights")
        return self._identify(source, _target_name(source, name), task)

    def require_free(self, name: str) -> None:
        """Checks that new weights may have a name.

        Raises:
            ModelError: it is no plain file name, weights have it, or it is on the known list.
        """
        target = self._site_models / _target_name(Path(name), name)
        if target.exists():
            origin = self._record().get(name, {}).get("origin", "of unknown origin")
            raise ModelError(f"{target} exists already: {origin}; remove it, or give another --name")
        if name in _known():
            raise ModelError(f"{name!r} is the name of other weights, on the known list; give another --name")

    def verify(self) -> Checks:
        """Checks all weights; returns (name, whether they are usable and as recorded, detail)."""
        record, known = self._record(), _known()
        rows = []
        for path in self._all_paths():
            model, refusal = self._try_describe(path)
            if model is None:
                rows.append((path.name, False, refusal))
            elif path.name in known or path.name in record:
                rows.append((path.name, True, f"sha256 {model.sha256[:12]} as {_source(path.name in known)}"))
            else:
                rows.append(
                    (path.name, True, f"sha256 {model.sha256[:12]}, never recorded: import it to have it checked")
                )
        missing = sorted(name for name in record if not (self._site_models / name).exists())
        rows += [(name, False, f"was imported, but is gone from {self._site_models}") for name in missing]
        return rows

    # Finding ---------------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> Path | None:
        for folder in self.folders:
            for candidate in (folder / name, *(folder / f"{name}{suffix}" for suffix in _SUFFIXES)):
                if candidate.parent == folder and candidate.exists():
                    return candidate
        return None

    def _all_paths(self) -> Paths:
        """Returns the paths that look like weights; of one name the first in search order."""
        found: dict[str, Path] = {}
        for folder in self.folders:
            for path in _entries(folder):
                if not path.name.startswith(".") and format_of(path) is not None:
                    found.setdefault(path.name, path)
        return [found[name] for name in sorted(found)]

    def _best(self, task: str, excluding: Collection[ModelFile]) -> ModelFile | None:
        record = self._record()
        names = [path.name for path in self._all_paths()]
        preferred = [name for name in PREFERRED if name in names and _known()[name].task == task]
        if preferred and not excluding:
            return self.resolve(ModelRequest(preferred[0], _known()[preferred[0]].task))
        usable = [model for model in self.list() if is_allowed(model, self._licences)]
        excluded, layouts = {family(model, usable) for model in excluding}, {model.layout for model in excluding}
        models = [model for model in usable if model.task == task and family(model, usable) not in excluded]
        # Another layout first, then the more accurate, then what the user imported.
        models.sort(
            key=lambda model: (
                model.layout in layouts,
                preferred.index(model.name) if model.name in preferred else len(preferred),
                model.name not in record,
                model.name,
            )
        )
        return models[0] if models else None

    # Describing ------------------------------------------------------------------------------------------------------

    def _try_describe(self, path: Path) -> tuple[ModelFile | None, str]:
        try:
            return self._describe(path), ""
        except ModelError as error:
            return None, str(error)

    def _describe(self, path: Path) -> ModelFile:
        record = self._record() if path.parent == self._site_models else {}
        recorded = record.get(path.name)
        if recorded is None:
            return self._identify(path, path.name, None)
        model = _model(recorded, path.name, path)
        _check_unaltered(path, sha256_of(path), model.sha256, "imported")
        self._check_trust(path.name, model.format, model.sha256, path, model.task)
        return model

    def _identify(self, path: Path, name: str, task: Task | None) -> ModelFile:
        """Describes weights without a record, under their current or future name."""
        sha256 = sha256_of(path)
        if name in _known():
            _check_unaltered(path, sha256, _known()[name].sha256, "known")
        known = _known_by_sha().get(sha256)
        if known is not None:
            return replace(known, name=name, path=str(path))
        facts = read_model_facts(path, task)
        self._check_trust(name, facts.format, sha256, path, task)
        return _from_facts(facts, name, path, sha256, task)

    def _check_trust(self, name: str, kind: str, sha256: str, path: Path, task: Task | None) -> None:
        trusted = self._trust.get(name)
        if kind != "pt" or task == "interactions" or sha256 in _known_by_sha() or trusted == sha256:
            return
        if trusted is not None:
            raise ModelError(
                f"{path} is a pickle, which can run any code when loaded, and not the one that [models] trust in "
                f"site.toml names: its sha256 is {sha256}, trusted is {trusted}; restore it, or, if you trust the new "
                "one, write its sha256 there"
            )
        raise ModelError(
            f"{path} is a pickle, which can run any code when loaded, and its sha256 is not on the known list; "
            "export it to ONNX or OpenVINO; or, if it is for interactions, import it with --task interactions; or, if "
            f'you trust it, write trust = {{"{name}" = "{sha256}"}} under [models] in site.toml'
        )

    def _record(self) -> dict[str, dict[str, Any]]:
        path = self._site_models / RECORD
        if not path.is_file():
            return {}
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read ({error}); remove it and import the weights again") from error
        return dict(record)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise ModelError(f"folder {folder} cannot be read: {error.strerror}; check its permissions") from error


def _from_facts(facts: ModelFacts, name: str, path: Path, sha256: str, task: Task | None) -> ModelFile:
    task = facts.task or task or ("detect" if facts.format == "pt" else None)
    if task is None:
        raise ModelError(
            f"{path} does not name its task; import it with --task detect, pose, mask, depth, face, embed or "
            "interactions"
        )
    known: dict[str, Any] = vars(facts) | {"task": task, "licence": facts.licence or "unknown"}
    if task == "interactions":
        if facts.format != "pt":
            raise ModelError(f"{path}: weights for interactions are a PyTorch checkpoint of QPIC, a .pt or .pth file")
        known |= {"layout": "qpic"}
    return ModelFile(name=name, path=str(path), sha256=sha256, origin="unknown", **known)


def _check_unaltered(path: Path, sha256: str, expected: str, how: Literal["known", "imported"]) -> None:
    if sha256 != expected:
        raise ModelError(
            f"weights {path} are altered: sha256 {sha256[:12]}… is not the {expected[:12]}… {_source(how == 'known')}; "
            "fetch them again, or, if they are your own, import them with --name OTHER"
        )


def _source(known: bool) -> str:
    return "on the known list" if known else "recorded when they were imported"


def _model(fields: dict[str, Any], name: str, path: Path) -> ModelFile:
    """Returns a ``ModelFile`` from its JSON or TOML form, where tuples are lists.

    Fields that older versions recorded, such as ``scale``, are left out.
    """
    fields = {key: value for key, value in fields.items() if key in ModelFile.__dataclass_fields__}
    size = fields.get("input_px")
    input_px, classes = None if size is None else (size[0], size[1]), tuple(fields.get("classes", ()))
    depth = facts_of_record(fields["depth"]) if fields.get("depth") else None
    as_values = {"name": name, "path": str(path), "input_px": input_px, "classes": classes, "depth": depth}
    return ModelFile(**{**fields, **as_values})


def _target_name(source: Path, name: str | None) -> str:
    if name is None:
        return source.resolve().name
    if name != Path(name).name or name.startswith(".") or name == RECORD:
        raise ModelError(f"{name!r} cannot be the name of weights: give a plain file name")
    return name if source.is_dir() or name.endswith(source.suffix) else name + source.suffix


@cache
def _known() -> dict[str, ModelFile]:
    """Returns the known list, by name; paths are empty."""
    models = {}
    for entry in known_list()["models"]:
        classes = coco80() if entry.get("classes") == "coco80" else entry.get("classes", ())
        models[entry["name"]] = _model({**entry, "classes": classes}, entry["name"], Path())
    return models


@cache
def _known_by_sha() -> dict[str, ModelFile]:
    return {model.sha256: model for model in _known().values()}
