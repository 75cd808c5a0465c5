"""Sites on which only what ends in anonymized video is run: what benchmarks and tests judge the covering by."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs import api, reading
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from ops import REGISTRY

START = "2026-03-02T20-00-00"
Params = Mapping[str, Mapping[str, object]]
"""By op, its parameters."""

LAST_OPS = tuple(name for name in ("publish", "audit") if name in REGISTRY)
"""What is asked for: the anonymized file, and all that goes with it."""

BEFORE_COVERING = ("link", "background")
"""What ``anonymize`` reads, and the tracks of people."""


def build_site(root: Path, clips: Mapping[str, Path], models: Sequence[Path] = (), ops: Params | None = None) -> Path:
    """A site of one clip a camera.

    Args:
        root: an empty or new folder.
        clips: the footage, by camera; each is copied, under a name that says when.
        models: weights that the site has, files or folders.
        ops: parameters.
    """
    for camera, clip in clips.items():
        folder = root / "archive" / camera
        folder.mkdir(parents=True)
        shutil.copyfile(clip, folder / f"{START}{clip.suffix}")
    (root / "models").mkdir(parents=True)
    for model in models:
        copy = shutil.copytree if model.is_dir() else shutil.copyfile
        copy(model, root / "models" / model.name)
    write_site_file(root, tuple(clips), ops or {})
    return root


def write_site_file(root: Path, cameras: Sequence[str], ops: Params) -> None:
    """Writes ``site.toml``; over an old one it changes the parameters."""
    lines = ['name = "Clips"', 'crs = "EPSG:28992"', 'timezone = "Europe/Amsterdam"', "settle_s = 0"]
    for camera in cameras:
        lines += ["", "[[cameras]]", f'id = "{camera}"']
    for op, params in ops.items():
        lines += ["", f"[ops.{op}]", *(f"{name} = {json.dumps(value)}" for name, value in params.items())]
    (root / "site.toml").write_text("\n".join([*lines, ""]))


def like(base: Path, root: Path, ops: Params) -> Path:
    """A copy of a site with all that it has done, with other parameters: only what they change is done again."""
    cameras = [camera.id for camera in api.open_site(base).site.config.cameras]
    shutil.copytree(base, root)
    write_site_file(root, cameras, ops)
    return root


def run_ops(
    root: Path, ops: Sequence[str] = LAST_OPS, workers: int | None = None, cameras: Sequence[str] = ()
) -> api.RunSummary:
    """Runs these ops and all that they read.

    Args:
        workers: processes, 0 for one a CPU; None for this one.
        cameras: of these; of all if there is none.
    """
    return api.run(api.open_site(root), Selection(tuple(cameras), ops=tuple(ops)), RunOptions(workers=workers))


def published(root: Path) -> dict[str, Path]:
    """The anonymized files that stand, by camera."""
    opened = api.open_site(root)
    rows = reading.query(opened, "SELECT camera, path FROM anonymized").to_pylist()
    return {row["camera"]: Path(opened.site.store) / row["path"] for row in rows}
