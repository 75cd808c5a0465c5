"""Writes constraints.txt: the versions that are known to work together, with the hashes of their files.

``make pins`` keeps the versions that the file has, and pins what is new. It asks the package index that uv is set up
for; name it nowhere in this repository. To try newer versions, change them in the file first.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
HEADER = """\
# Versions that are known to work together, and the hashes of their files: written by `make pins`.
# No index is named here: pip and uv use the one they are set up for.
"""
RUN, CLUSTER, TEST = "# --- run ---", "# --- cluster ---", "# --- test ---"
HEADLESS = "# --- without libGL ---"
"""Headings: what a site needs, what a cluster, and what tests and pages need besides; what replaces a package on some
machines."""

OLDEST_PYTHON = "3.11"
TO_INSTALL = ("setuptools>=77", "uv")
INSTEAD = "opencv-python-headless"
EVERYWHERE = " ; python_full_version < '3.15' and sys_platform == 'linux'"
"""The marker that uv adds to each package, since pyproject.toml limits it to these environments."""


def entries(text: str) -> dict[str, str]:
    """Returns, by name, each pinned package's lines: its version, its marker and its hashes."""
    blocks: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            name = line.split("==")[0]
        blocks.setdefault(name, []).append(line.replace(f"{EVERYWHERE} \\", " \\"))
    return {name: "\n".join(lines) for name, lines in blocks.items()}


def known_versions(text: str) -> list[str]:
    """Returns each entry's version; with its marker where older Pythons have another entry than newer ones."""
    known = []
    for block in entries(text).values():
        heads = [line.removesuffix(" \\") for line in block.splitlines() if line[0] != " "]
        known += heads if len(heads) > 1 else [heads[0].split(" ;")[0]]
    return known


def pin(requirements: tuple[str, ...], *options: str) -> dict[str, str]:
    """Resolves requirements beside those of pyproject.toml, at the versions of constraints.txt where it has them."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, known = Path(folder, "wanted.in"), Path(folder, "known.txt")
        wanted.write_text("\n".join(requirements))
        known.write_text("\n".join(known_versions(CONSTRAINTS.read_text())))
        command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", str(wanted), "-c", str(known)]
        command += ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes"]
        command += ["--no-header", "--no-annotate", "--quiet", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CONSTRAINTS.parent)
    if done.returncode:
        sys.exit(done.stderr)
    return entries(done.stdout)


def main() -> None:
    """Writes the file."""
    run = pin(TO_INSTALL, "pyproject.toml")
    on_cluster = pin(TO_INSTALL, "pyproject.toml", "--extra", "cluster")
    cluster = {name: block for name, block in on_cluster.items() if name not in run}
    everything = pin(TO_INSTALL, "pyproject.toml", "--all-extras")
    test = {name: block for name, block in everything.items() if name not in on_cluster}
    version = run["opencv-python"].split()[0].split("==")[1]
    headless = pin((f"{INSTEAD}=={version}",), "--no-deps")
    parts = [HEADER]
    for heading, blocks in ((RUN, run), (CLUSTER, cluster), (TEST, test), (HEADLESS, headless)):
        parts += [heading, *blocks.values()]
    CONSTRAINTS.write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
