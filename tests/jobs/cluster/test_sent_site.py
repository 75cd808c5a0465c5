"""What a job takes of a site: its settings; no footage, results, weights or secrets."""

import tomllib
from pathlib import Path

import pytest

from jobs.cluster import sent_site
from jobs.cluster.sent_site import copy_site
from schemas.errors import SiteError, UserError
from storage.site.file import load_site


@pytest.fixture
def site(small_site):
    """A site with everything in its folder that must not leave it."""
    (small_site / ".env").write_text("TOKEN=secret")
    (small_site / "store").mkdir()
    (small_site / "store" / "rows.parquet").write_bytes(b"rows")
    (small_site / "models").mkdir(exist_ok=True)
    (small_site / "models" / "yolo.onnx").write_bytes(b"weights")
    (small_site / "layers" / "key.pem").write_text("secret")
    (small_site / "tuned").mkdir()
    (small_site / "tuned" / "hall.toml").write_text("")
    (small_site / ".gitignore").write_text("tuned/\nsite.toml\n")
    return small_site


def sent(target: Path) -> list[str]:
    return sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())


def test_a_job_takes_the_settings_and_nothing_else(site, tmp_path):
    target = tmp_path / "job"
    target.mkdir()
    names = copy_site(load_site(site), target)
    assert sent(target) == sorted(names)
    assert {Path(name).parts[0] for name in names} == {"site.toml", "layers", "tuned"}, names
    assert "layers/key.pem" not in names


def test_archive_and_store_become_absolute_and_the_rest_is_as_written(site, tmp_path):
    target = tmp_path / "job"
    target.mkdir()
    here = load_site(site)
    copy_site(here, target)
    there = load_site(target)
    assert (there.archive, there.store) == (here.archive, here.store) == (str(site / "archive"), str(site / "store"))
    mine, theirs = (tomllib.loads((each / "site.toml").read_text()) for each in (site, target))
    assert theirs == mine | {"archive": here.archive, "store": here.store}


def test_locations_that_are_written_are_replaced(site, tmp_path):
    file = site / "site.toml"
    file.write_text('archive = "s3://footage/yard"  # as it is\nstore = "results"\n' + file.read_text())
    target = tmp_path / "job"
    target.mkdir()
    copy_site(load_site(site), target)
    there = load_site(target)
    assert (there.archive, there.store) == ("s3://footage/yard", str(site / "results"))


def test_files_outside_the_folder_and_missing_ones_are_named_with_their_line(site, tmp_path):
    file = site / "site.toml"
    text = file.read_text()
    for name, said in (("../zones.geojson", "lies outside the site's folder"), ("gone.geojson", "there is no file")):
        file.write_text(f'{text}\n[[layers]]\nname = "extra"\nfile = "{name}"\n')
        with pytest.raises(SiteError, match=rf"line \d+: .*{said}"):
            copy_site(load_site(site), tmp_path)


def test_too_much_for_a_job_is_said_with_the_largest_file(site, tmp_path, monkeypatch):
    monkeypatch.setattr(sent_site, "MOST_BYTES", 100)
    with pytest.raises(UserError, match=r"a job takes 0 MiB: put \S+ on a mount of every machine"):
        copy_site(load_site(site), tmp_path)
