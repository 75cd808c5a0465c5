"""A run writes to its store only, not to the archive or to a home, and it writes no secret anywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SECRET = "s3cr3t-in-the-environment"

READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99
shift
exec "$@"
"""


def read_only(folder: Path, *command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command for which a folder is mounted read-only; not even root can write to it then."""
    start = ("unshare", "--mount", "--map-root-user", "sh", "-c", READ_ONLY, "sh", str(folder), *command)
    return subprocess.run(start, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=200)


def own_mounts_work(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    return read_only(folder, "test", "!", "-w", str(folder), environment=dict(os.environ)).returncode == 0


@pytest.mark.slow
def test_a_run_on_a_read_only_archive_without_a_home_to_write_to_keeps_its_secrets(small_site, tmp_path):
    if not own_mounts_work(tmp_path):
        pytest.skip("this machine lets its users have no mounts of their own")
    secrets = {"AWS_SECRET_ACCESS_KEY": SECRET, "NIGHTSHIFT_WEBHOOK": SECRET}
    # /proc is a home that nobody can write to, as systemd's ProtectHome=read-only gives.
    environment = os.environ | secrets | {"HOME": "/proc", "XDG_CACHE_HOME": "/proc"}
    night = (
        sys.executable,
        "-m",
        "cli.main",
        "--debug",
        "run",
        "--site",
        str(small_site),
        "--in-process",
        "--json",
        "--ops",
        "counts",
    )
    done = read_only(small_site / "archive", *night, environment=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["units_left"] == 0
    written = [path for path in small_site.rglob("*") if path.is_file()]
    assert len(written) > 10 and SECRET not in done.stdout + done.stderr
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
