"""Checks whether a machine and a site are ready for a run. Each check gives its result, and advice if it fails."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobs.planning.configure import ReadyOp, configure_site
from jobs.planning.inventory import recorded_inventory
from jobs.proofs import REPLACE, prove_ops
from jobs.site import Site
from ops.proof import Proof
from schemas.errors import NightshiftError, UserError
from schemas.op import DETECTOR
from storage.blobs import open_blobs
from storage.site.layers import load_layer
from storage.sql.connection import open_sql
from storage.sql.macros import spatial_available
from storage.video.ffmpeg import ffmpeg_path
from storage.weights.site_models import open_models

LOW_BYTES = 5 * 10**9
EARLIEST_TIME_S = 1_735_689_600  # 2025-01-01: an earlier clock was never set
RAY_TIMEOUT_S = 60
RAY_PROBE = "from jobs.engine.ray_pool import probe_ray; print(probe_ray())"
MAX_SKEW_S = 2
SECOND_ADVICE = (
    "import one with other weights, or set two_detectors = false under [ops.anonymize]: else video of cameras that are "
    "not fixed, and of segments that are too short for a background, is not published"
)
BLIND_ADVICE = "take these out of classes under [ops.detect], or import weights that know them"

Verdict = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Check:
    """The result of one check, and what to do about it."""

    name: str
    verdict: Verdict
    result: str
    advice: str = ""


def diagnose(site: Site | None, broken: str = "") -> list[Check]:
    """Runs every check; without a site only those of the machine.

    Args:
        broken: why the site cannot be opened, if it cannot.
    """
    checks = [_ffmpeg(), _clock(), _ray()]
    if site is None:
        return [*checks, Check("site", "error", broken)]
    return [
        *checks,
        *(_run_check(check, site) for check in (_site, _layers, _weights, _detectors, _spatial, _disk, _archive)),
    ]


def _run_check(check: Callable[[Site], Check], site: Site) -> Check:
    """Returns an error that a check raises as its result, so that the other checks still run."""
    try:
        return check(site)
    except NightshiftError as error:
        return Check(check.__name__.strip("_"), "error", str(error))


def _ffmpeg() -> Check:
    try:
        path = ffmpeg_path()
        line = subprocess.run([path, "-version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return Check("ffmpeg", "error", str(error), "install ffmpeg, or `pip install imageio-ffmpeg`")
    return Check("ffmpeg", "ok", f"{line.split(' Copyright')[0]} at {path}")


def _clock() -> Check:
    now = time.time()
    if now < EARLIEST_TIME_S:
        return Check("clock", "error", f"it shows {time.ctime(now)}", "set the clock: receipts carry its time")
    with tempfile.NamedTemporaryFile() as file:
        skew = abs(Path(file.name).stat().st_mtime - now)
    if skew > MAX_SKEW_S:
        return Check("clock", "warning", f"new files are {skew:.0f} s off", "synchronise the file server's clock")
    return Check("clock", "ok", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def _ray() -> Check:
    # A process of its own: a Ray that hangs can be killed, and a Ray that starts does not stay in this process.
    command = [sys.executable, "-W", "ignore", "-c", RAY_PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RAY_TIMEOUT_S, check=True)
    except subprocess.TimeoutExpired:
        return Check("ray", "error", f"did not start within {RAY_TIMEOUT_S} s", "`nightshift run --in-process`")
    except subprocess.CalledProcessError as error:
        last_line = (error.stderr.strip().splitlines() or [f"it ended with code {error.returncode}"])[-1]
        problem = last_line.removeprefix(f"{UserError.__module__}.{UserError.__name__}: ")
        return Check("ray", "error", problem, "`nightshift run --in-process` works without Ray")
    return Check("ray", "ok", f"Ray {done.stdout.split()[0]} starts and runs a task")


def _site(site: Site) -> Check:
    ready = configure_site(site.files)
    if ready.warnings:
        return Check("site", "warning", ready.warnings[0])
    recorded = len(recorded_inventory(site.store).footage["camera"].unique())
    # Cameras need no entry: without the other number, 0 looks like a mistake.
    cameras = f"cameras described: {len(site.files.config.cameras)}; with footage at the last scan: {recorded}"
    return Check("site", "ok", f"{site.files.root / 'site.toml'}: {cameras}")


def _layers(site: Site) -> Check:
    layers = [load_layer(site.files, number) for number in range(len(site.files.config.layers))]
    notices = [notice for layer in layers for notice in layer.notices]
    if notices:
        return Check("layers", "warning", "; ".join(notices))
    features = sum(len(layer.features) for layer in layers)
    return Check("layers", "ok", f"{len(layers)} with {features} features" if layers else "none")


def _weights(site: Site) -> Check:
    models = open_models(site.files)
    bad = [f"{name}: {detail}" for name, fine, detail in models.verify() if not fine]
    if bad:
        return Check("weights", "error", "; ".join(bad), "import them again with `nightshift models import FILE`")
    if names := ", ".join(model.name for model in models.list()):
        return Check("weights", "ok", names)
    return Check("weights", "warning", "none: only motion is detected", "`nightshift models import FILE` adds some")


def _detectors(site: Site) -> Check:
    """Has every detector that the site's ops use prove itself."""
    ops = configure_site(site.files).ops
    proofs = prove_ops(ops, ops)
    results = "; ".join(f"{proof.model.name} ({users}): {proof.result}" for users, proof in proofs)
    if any(proof.verdict == "broken" for _, proof in proofs):
        return Check("detectors", "error", results, f"{REPLACE}, or name others in site.toml")
    if unproven := [proof.model.name for _, proof in proofs if proof.verdict == "unproven"]:
        return Check("detectors", "warning", results, f"look yourself at what {', '.join(unproven)} find")
    if blind := _blind_to(ops, proofs):
        return Check("detectors", "warning", f"{results}; detect cannot find {', '.join(blind)}", BLIND_ADVICE)
    if _needs_second(ops):
        return Check("detectors", "warning", f"{results}; there is no second detector", SECOND_ADVICE)
    return Check("detectors", "ok", results or "none in use")


def _needs_second(ops: Mapping[str, ReadyOp]) -> bool:
    """Returns whether `anonymize` will refuse what no background vouches for, since only one network looks at it."""
    if "anonymize" not in ops or not ops["detect"].models:
        return False
    has_second = "second_look" in ops and bool(ops["second_look"].models)
    return ops["anonymize"].op.params.two_detectors and not has_second


def _blind_to(ops: Mapping[str, ReadyOp], proofs: Sequence[tuple[str, Proof]]) -> list[str]:
    """Returns the classes that ``detect`` is asked for and that its weights do not know."""
    detector = ops["detect"].models.get(DETECTOR) if "detect" in ops else None
    known = next((proof.classes for _, proof in proofs if proof.model == detector), None)
    return [] if known is None else [name for name in ops["detect"].op.params.classes if name not in known]


def _spatial(site: Site) -> Check:
    with closing(open_sql(site.store)) as connection:
        if spatial_available(connection):
            return Check("spatial", "ok", "DuckDB's spatial extension loads, offline")
    problem = "DuckDB's spatial extension does not load"
    return Check("spatial", "warning", problem, "pip install duckdb-extension-spatial")


def _disk(site: Site) -> Check:
    url, free = site.store.blobs.url, site.store.blobs.free_bytes()
    if free is None:
        return Check("disk", "ok", f"{url} is an object store, which does not report its free space")
    space = f"{free / 1e9:.1f} GB free at {url}"
    if free < LOW_BYTES:
        return Check("disk", "warning", space, "free some space: a run that finds the disk full stops")
    return Check("disk", "ok", space)


def _archive(site: Site) -> Check:
    archive = open_blobs(site.files.archive)
    archive.check_readable()
    return Check("archive", "ok", archive.url)
