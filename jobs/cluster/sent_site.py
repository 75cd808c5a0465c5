"""The part of a site that a job takes to a cluster: ``site.toml``, the files that it names, and what was tuned.

It is a list of what is taken, not of what is left out: footage, results, weights, ``.env`` files, keys and whatever
else lies in the site's folder stay. Ray leaves out what a ``.gitignore`` names; the copy has none, and is complete.
"""

import json
import shutil
from pathlib import Path, PurePath

from schemas.errors import SiteError, UserError
from storage.site.file import SITE_FILE, SiteFiles, find_key_line, load_site
from storage.site.tuned import TUNED_FOLDER

MOST_BYTES = 100 * 2**20
"""Size of a job's folder at most, by Ray's documentation of ``working_dir``: the head keeps it in memory."""


def copy_site(site: SiteFiles, target: Path) -> list[str]:
    """Copies what a run needs of a site's folder; archive and store become absolute locations.

    Args:
        target: an empty folder.

    Returns:
        The names of the copied files, relative to the site's folder.

    Raises:
        SiteError: a file that ``site.toml`` names is missing, or not in the site's folder.
        UserError: the files are larger than a job's folder may be.
    """
    names = [SITE_FILE, *_named_files(site)]
    names += [f"{TUNED_FOLDER}/{path.name}" for path in sorted((site.root / TUNED_FOLDER).glob("*.toml"))]
    sizes = {name: (site.root / name).stat().st_size for name in names}
    if sum(sizes.values()) > MOST_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise UserError(
            f"the files that {site.root / SITE_FILE} names have {sum(sizes.values()) / 2**20:.0f} MiB, and a job takes "
            f"{MOST_BYTES / 2**20:.0f} MiB: put {largest} on a mount of every machine, and write its absolute path"
        )
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(site.root / name, target / name)
    _write_locations(site, target)
    return names


def _named_files(site: SiteFiles) -> list[str]:
    """Returns the files below the site's folder that ``site.toml`` names, with those that belong to them."""
    config = site.config
    named = [("layers", number, layer.file) for number, layer in enumerate(config.layers)]
    named += [("pictures", number, picture.file) for number, picture in enumerate(config.pictures)]
    named += [("stereo", number, file) for number, pair in enumerate(config.stereo) for file in pair.calibration]
    files: dict[str, None] = {}
    for section, number, file in named:
        if PurePath(file).is_absolute():
            continue  # on a mount of every machine
        where = f"{site.root / SITE_FILE}, line {find_key_line(site.root, (section, number))}"
        if ".." in PurePath(file).parts:
            raise SiteError(
                f"{where}: {file} lies outside the site's folder, and a job takes files of that folder only"
            )
        path = site.root / file
        if not path.is_file():
            raise SiteError(f"{where}: there is no file {path}; correct the path (relative to the site's folder)")
        # A shapefile has .dbf, .shx and .prj beside it, a picture its world file.
        beside = sorted(each for each in path.parent.glob(f"{path.stem}.*") if each.is_file())
        files |= dict.fromkeys(str(each.relative_to(site.root)) for each in beside)
    return list(files)


def _write_locations(site: SiteFiles, target: Path) -> None:
    """Writes the absolute locations of archive and store into the copied ``site.toml``."""
    lines = (target / SITE_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    for key, location in (("archive", site.archive), ("store", site.store)):
        written = f"{key} = {json.dumps(location, ensure_ascii=False)}\n"
        line = find_key_line(site.root, (key,))
        if line is None:
            lines[0] = written + lines[0]
        else:
            lines[line - 1] = written + "\n" * lines[line - 1].count("\n\n")
    (target / SITE_FILE).write_text("".join(lines), encoding="utf-8")
    sent = load_site(target)
    if (sent.archive, sent.store) != (site.archive, site.store):
        raise SiteError(f"{site.root / SITE_FILE}: write archive and store each on a line of its own")
