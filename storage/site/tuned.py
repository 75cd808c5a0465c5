"""Reads and writes ``tuned/CAMERA.toml`` beside site.toml: what ``nightshift tune`` stored of each camera."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.camera_ids import is_camera_id
from schemas.errors import SiteError
from schemas.tuned import TunedCamera
from storage.files import write_atomic
from storage.site.error_messages import Document, plain_message

TUNED_FOLDER = "tuned"
_SUFFIX = ".toml"
_HEADER = """\
# Written by `nightshift tune`, and used by `detect` for this camera only.
# `nightshift tune --forget` removes it, as does deleting the file; site.toml's [ops.detect] goes before it.
"""


def tuned_path(root: Path, camera: str) -> Path:
    """Returns the file of a camera, by the site's folder and the camera's id."""
    return root / TUNED_FOLDER / f"{camera}{_SUFFIX}"


def read_tuned(root: Path) -> Mapping[str, TunedCamera]:
    """Returns what is stored of each camera, by id.

    Args:
        root: the site's folder.

    Raises:
        SiteError: a file cannot be read or has a mistake; one line with file, line and key.
    """
    folder = root / TUNED_FOLDER
    paths = sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []
    return {path.stem: _read(path) for path in paths if is_camera_id(path.stem)}


def write_tuned(root: Path, tuned: TunedCamera) -> Path:
    """Writes a camera's file, whole or not at all; returns its path.

    Raises:
        SiteError: it cannot be written.
    """
    path = tuned_path(root, tuned.camera)
    content = tuned.model_dump(mode="json", by_alias=True, exclude_none=True)
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    lines = [_HEADER, *_lines(plain)]
    for name, table in content.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *_lines(table)]
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, "\n".join([*lines, ""]).encode())
    except OSError as error:
        raise SiteError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error
    return path


def forget_tuned(root: Path, camera: str) -> bool:
    """Removes a camera's file; returns whether there was one.

    Raises:
        SiteError: it cannot be removed.
    """
    path = tuned_path(root, camera)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SiteError(f"cannot remove {path}: {error.strerror}") from error
    return True


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]


def _read(path: Path) -> TunedCamera:
    document = Document.read(path)
    try:
        found = TunedCamera.model_validate(document.table)
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{plain_message(first)}; correct it, or delete the file and run `nightshift tune` again"
        raise SiteError(document.at(tuple(first["loc"]), problem)) from error
    if found.camera != path.stem:
        raise SiteError(document.at(("camera",), f"should be {path.stem!r}, as the file's name says"))
    return found
