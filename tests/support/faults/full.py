"""Full disks: at every write of a run and of a compaction, and a real disk that is too small."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.support.faults.programs import compaction, night, run_job
from tests.support.faults.scene import Scene, Tally, check_exit, finish_job, log_of

MESSAGE = "no space left"
_ENOUGH_KIB = 64 * 1024


def night_at_write(scene: Scene, name: str, at: int) -> Tally:
    """Fills the disk at one write of a run; with space again, the next run finishes."""
    site = scene.fresh(name)
    tally = check_exit(run_job(replace(night(site), at=at), log_of(site)), 1, MESSAGE)
    return tally + Tally(enospc_points=1) + scene.check_part(site) + scene.finish(site)


def compaction_at_write(scene: Scene, name: str, at: int) -> Tally:
    """Fills the disk at one write of a compaction; readers see no change, and the next compaction works."""
    site = scene.used(name)
    tally = check_exit(run_job(replace(compaction(site), at=at), log_of(site)), 1, MESSAGE)
    tally += Tally(enospc_points=1) + scene.check(site)
    return tally + finish_job(compaction(site), site) + scene.check(site)


def small_disk(scene: Scene, name: str, share: float) -> Tally:
    """Runs on a disk that holds a share of what the run writes, and again after the disk has grown."""
    site = scene.fresh(name)
    store = site / "store"
    needed = sum(path.stat().st_blocks * 512 for path in (scene.done / "store").rglob("*") if path.is_file())
    with mounted(store, max(1, round(needed * share / 1024))):
        tally = check_exit(run_job(night(site), log_of(site)), 1, MESSAGE) + Tally(enospc_points=1)
        _mount("-o", f"remount,size={_ENOUGH_KIB}k", store)
        return tally + scene.check_part(site) + scene.finish(site)


@contextmanager
def mounted(folder: Path, kib: int) -> Iterator[None]:
    """Mounts a disk in memory of this size on a new folder.

    Raises:
        PermissionError: this user may not mount disks.
    """
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", folder)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def can_mount(folder: Path) -> bool:
    """Returns whether this user can mount disks in memory."""
    with tempfile.TemporaryDirectory(dir=folder) as probe:
        try:
            with mounted(Path(probe, "disk"), 64):
                return True
        except PermissionError:
            return False


def _mount(*arguments: str | Path) -> None:
    try:
        subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise PermissionError(f"mount: {error}") from error
