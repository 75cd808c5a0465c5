"""A run with footage and results in an S3 bucket gives the same as a run in folders."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from cli.main import run_cli
from jobs.site import open_site
from schemas.tables import TABLES
from storage.blobs import open_blobs
from storage.store.live_rows import newest_receipts
from storage.store.receipts import unit_files
from storage.store.store import Store
from tests.storage.s3_server import S3Server, new_bucket, s3_serving

pytestmark = pytest.mark.slow

RECORDS = {"cameras", "runs", "receipts", "quarantine"}
OF_THE_PLACE = {
    "footage": ["mtime_ns"],
    "anonymized_segments": ["path"],  # ends in a number drawn for each writing
}
COUNT = "SELECT camera, count(*) AS n FROM detections GROUP BY camera ORDER BY camera"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_serving() as server:
        yield server


@pytest.fixture(scope="module")
def bucket(server: S3Server) -> Iterator[str]:
    with new_bucket(server.endpoint) as bucket:
        yield bucket


@pytest.fixture(scope="module")
def fetched_in_the_night() -> list[str]:
    """Footage that the night asked the server for, once it was scanned."""
    return []


@pytest.fixture(scope="module")
def remote_site(
    built_small_site: Path,
    bucket: str,
    server: S3Server,
    fetched_in_the_night: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The site of one camera after a run with footage and results in the bucket. Tests never change it."""
    root = Path(shutil.copytree(built_small_site, tmp_path_factory.mktemp("remote") / "site"))
    footage = open_blobs(f"{bucket}/footage")
    for path in sorted((root / "archive").rglob("*.*")):
        footage.write(path.relative_to(root / "archive").as_posix(), path.read_bytes())
    shutil.rmtree(root / "archive")
    _place(root, f"{bucket}/footage", f"{bucket}/results")
    run_cli(["scan", "--site", str(root), "--json"])
    server.requests.clear()
    assert run_cli(["run", "--site", str(root), "--in-process", "--json"]) == 0
    fetched_in_the_night.extend(fetched(server, f"{bucket}/footage"))
    return root


def _place(root: Path, archive: str, store: str) -> None:
    """Names other places in site.toml, where files may just have come to."""
    places = {"archive": f'"{archive}"', "store": f'"{store}"', "settle_s": "0"}
    lines = (root / "site.toml").read_text().splitlines()
    kept = [line for line in lines if line.partition(" =")[0] not in places]
    (root / "site.toml").write_text("\n".join([*(f"{key} = {value}" for key, value in places.items()), *kept]))


def tables(store: Store) -> dict[str, pa.Table]:
    """What readers see of every table that ops write, without what is of the place."""
    newest = newest_receipts(store.read_receipts().rows)
    return {
        name: store.read_tables(name, unit_files(newest, name)).drop_columns(OF_THE_PLACE.get(name, []))
        for name in TABLES
        if name not in RECORDS
    }


def fetched(server: S3Server, location: str) -> list[str]:
    """Files below a location that the server was asked for."""
    start = f"/{location.removeprefix('s3://')}/"
    return [path.removeprefix(start) for method, path in server.requests if method == "GET" and path.startswith(start)]


def test_a_night_in_a_bucket_equals_one_in_folders(remote_site: Path, small_night: Path) -> None:
    remote = open_site(remote_site).store
    there, here = tables(remote), tables(open_site(small_night).store)
    assert {name for name, table in here.items() if table.num_rows} >= {"footage", "detections", "anonymized", "counts"}
    assert {name for name in here if not there[name].equals(here[name])} == set()
    for path in here["anonymized"]["path"].to_pylist():
        assert remote.blobs.read(path) == (small_night / "store" / path).read_bytes()
    assert list(remote.blobs.list("_parts")) == list(remote.blobs.list("_claims")) == []
    assert sorted(path.name for path in remote_site.iterdir() if path.is_dir()) == ["layers", "truth"]


def test_a_second_night_does_nothing_and_fetches_no_footage(
    remote_site: Path, bucket: str, server: S3Server, nightshift
) -> None:
    server.requests.clear()
    again = nightshift("run", "--site", remote_site, "--in-process", "--json")
    assert again.json["units_done"] == again.json["frames_decoded"] == 0
    assert fetched(server, f"{bucket}/footage") == []


def test_sql_reads_the_store_and_nothing_else(remote_site: Path, small_night: Path, bucket: str, nightshift) -> None:
    here, there = (nightshift("sql", "--site", site, "--json", COUNT) for site in (small_night, remote_site))
    assert here.json and there.json == here.json
    footage = next(open_blobs(f"{bucket}/footage").list()).name
    other = open_blobs(f"{bucket}/other")
    other.write("rows.csv", b"a\n1\n")
    for place in (
        f"{bucket}/other/rows.csv",
        f"{bucket}/footage/{footage}",
        f"{bucket}/results/_store.json",
        str(remote_site / "site.toml"),
    ):
        said = nightshift("sql", "--site", remote_site, f"SELECT * FROM read_text('{place}')")
        assert said.code != 0 and place in said.err, said
    nightshift("sql", "--site", remote_site, f"COPY (SELECT 1) TO '{bucket}/other/written.csv'")
    assert [blob.name for blob in other.list()] == ["rows.csv"]


def test_footage_is_fetched_once_for_all_its_segments_and_ops(
    remote_site: Path, bucket: str, fetched_in_the_night: list[str]
) -> None:
    files = [blob.name for blob in open_blobs(f"{bucket}/footage").list("hall")]
    assert sorted(name for name in fetched_in_the_night if name.startswith("hall/")) == files
    assert tables(open_site(remote_site).store)["segments"].num_rows > len(files)


def test_a_compacted_store_holds_the_same_and_is_sound(remote_site: Path, small_night: Path, nightshift) -> None:
    assert nightshift("verify", "--site", remote_site, "--json").code == 0
    assert nightshift("compact", "--site", remote_site, "--json").code == 0
    assert not open_site(remote_site).store.has_loose_receipts()
    assert nightshift("verify", "--site", remote_site, "--json").code == 0
    there, here = tables(open_site(remote_site).store), tables(open_site(small_night).store)
    assert {name for name in here if not there[name].equals(here[name])} == set()
    said = [nightshift("sql", "--site", site, "--json", COUNT).json for site in (small_night, remote_site)]
    assert said[0] and said[0] == said[1]


def test_video_waits_for_its_sign_off_in_a_bucket_too(remote_site: Path, bucket: str, nightshift) -> None:
    blobs, config = open_blobs(f"{bucket}/results"), remote_site / "site.toml"
    former = config.read_text()
    videos = {blob.name for blob in blobs.list("anonymized") if blob.name.endswith(".mp4")}
    film = min(videos)
    config.write_text(former + '\n[publish]\nwait_for = "sign-off"\n')
    assert nightshift("run", "--site", remote_site, "--in-process", "--json").json["units_done"] == 0
    assert {blob.name for blob in blobs.list("_pending")} == {f"_pending/{name}" for name in videos}
    said = nightshift("sql", "--site", remote_site, f"SELECT * FROM read_blob('{bucket}/results/_pending/{film}')")
    assert said.code == 2 and "disabled by configuration" in said.err
    signed = nightshift("sign-off", film, "--site", remote_site, "--verdict", "accept", "--by", "Ada", "--json")
    assert signed.code == 0 and signed.json["path"] == film, signed.err
    assert {blob.name for blob in blobs.list("anonymized") if blob.name.endswith(".mp4")} == {film}
    assert nightshift("sql", "--site", remote_site, "--json", "SELECT path FROM anonymized").json == [{"path": film}]
    assert nightshift("verify", "--site", remote_site, "--json").code == 0
    config.write_text(former)
    nightshift("run", "--site", remote_site, "--in-process", "--json")
    assert videos == {blob.name for blob in blobs.list("anonymized") if blob.name.endswith(".mp4")}
    assert list(blobs.list("_pending")) == []
