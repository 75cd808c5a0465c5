"""Builds sites and runs only the ops that lead to anonymized video, for benchmarks and tests of the covering."""

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from jobs.commands.results import query
from jobs.commands.run import RunSummary, run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site
from ops import REGISTRY

START = "2026-03-02T20-00-00"
Params = Mapping[str, Mapping[str, object]]
"""Parameters by op."""

LAST_OPS = tuple(name for name in ("publish", "audit") if name in REGISTRY)
"""The ops that write the published file and its audit."""

BEFORE_ANONYMIZE = ("link", "background")
"""The ops whose tables ``anonymize`` reads, and the one that writes the tracks of people."""


def build_site(
    root: Path,
    clips: Mapping[str, Path],
    models: Sequence[Path] = (),
    ops: Params | None = None,
    moving: Collection[str] = (),
) -> Path:
    """Builds a site with one clip per camera.

    Args:
        root: an empty or new folder.
        clips: the footage, by camera; each is copied under a name that gives its start time.
        models: the site's weights, files or folders.
        ops: parameters by op.
        moving: cameras that are declared not to be fixed.
    """
    for camera, clip in clips.items():
        folder = root / "archive" / camera
        folder.mkdir(parents=True)
        shutil.copyfile(clip, folder / f"{START}{clip.suffix}")
    (root / "models").mkdir(parents=True)
    for model in models:
        copy = shutil.copytree if model.is_dir() else shutil.copyfile
        copy(model, root / "models" / model.name)
    write_site_file(root, tuple(clips), ops or {}, moving)
    return root


def write_site_file(root: Path, cameras: Sequence[str], ops: Params, moving: Collection[str] = ()) -> None:
    """Writes ``site.toml``, replacing an earlier one; ``moving`` cameras are not fixed."""
    lines = ['name = "Clips"', 'crs = "EPSG:28992"', 'timezone = "Europe/Amsterdam"', "settle_s = 0"]
    for camera in cameras:
        lines += ["", "[[cameras]]", f'id = "{camera}"', *(["fixed = false"] if camera in moving else [])]
    for op, params in ops.items():
        lines += ["", f"[ops.{op}]", *(f"{name} = {json.dumps(value)}" for name, value in params.items())]
    (root / "site.toml").write_text("\n".join([*lines, ""]))


def copy_site(base: Path, root: Path, ops: Params) -> Path:
    """Copies a site with its store and sets other parameters: only units that they change run again."""
    cameras = open_site(base).files.config.cameras
    shutil.copytree(base, root)
    write_site_file(root, [camera.id for camera in cameras], ops, [camera.id for camera in cameras if not camera.fixed])
    return root


def run_ops(
    root: Path, ops: Sequence[str] = LAST_OPS, workers: int | None = None, cameras: Sequence[str] = ()
) -> RunSummary:
    """Runs these ops and their dependencies.

    Args:
        workers: processes, 0 for one per CPU; None to run in this process.
        cameras: the cameras to run; empty for all.
    """
    return run_site(open_site(root), Selection(tuple(cameras), ops=tuple(ops)), RunOptions(workers=workers))


def published_videos(root: Path) -> dict[str, Path]:
    """Returns the published anonymized videos, by camera."""
    opened = open_site(root)
    rows = query(opened, "SELECT camera, path FROM anonymized").to_pylist()
    return {row["camera"]: Path(opened.files.store) / row["path"] for row in rows}
