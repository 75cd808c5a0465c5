"""`tune` stores the fastest profile within the bound, on generated footage; detect uses it, for that camera alone."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from jobs.commands.scan import scan_archive
from jobs.commands.tune import tune_camera
from jobs.planning.configure import configure_site
from jobs.planning.fingerprint import fingerprint_base
from jobs.profiles import PROFILES, UNGATED
from jobs.site import open_site
from jobs.stretch_looks import StretchLooks
from ops.known_picture import PEOPLE, known_boxes
from ops.tracking.agreement import TrackAgreement
from schemas.errors import ModelError, SelectionError, UserError
from schemas.op import Tables
from schemas.tuned import TunedCamera, TunedParams
from schemas.values import Segment, Uint8
from storage.site.tuned import read_tuned
from tests.conftest import Nightshift
from tests.jobs.commands.test_moving_cameras import FPS, write_frames
from tests.ops.known_people import constant_detector
from tests.ops.tracking.test_agreement import tables
from tests.support.mistakes import one_line

LENGTH_S = 64


def still(number: int) -> Uint8:
    del number
    return np.full((180, 320, 3), 90, np.uint8)


def restless(number: int) -> Uint8:
    """Another picture in each frame."""
    blocks = np.random.default_rng(number).integers(0, 256, (9, 16, 1), np.uint8)
    return np.ascontiguousarray(np.broadcast_to(blocks.repeat(20, axis=0).repeat(20, axis=1), (180, 320, 3)))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for view in (still, restless):
        write_frames(folder / f"{view.__name__}.mp4", [view(number) for number in range(LENGTH_S * FPS)])
    return folder


SITE = """name = "Two views"
crs = "EPSG:28992"
timezone = "UTC"
settle_s = 0
[[cameras]]
id = "gate"
[[cameras]]
id = "hall"
[[cameras]]
id = "roof"
"""


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, clips: Path) -> Path:
    """A site with a minute of a view that rests, and of one that never does, and a detector of 18 people."""
    root = tmp_path_factory.mktemp("scanned") / "site"
    for camera, clip in (("gate", "still"), ("hall", "restless")):
        folder = root / "archive" / camera
        folder.mkdir(parents=True)
        shutil.copy2(clips / f"{clip}.mp4", folder / "2026-03-02T22-00-00.mp4")
    (root / "models").mkdir()
    constant_detector(root / "models" / "sure.onnx", np.asarray(known_boxes(PEOPLE.whole), np.float64))
    (root / "site.toml").write_text(SITE)
    detect(root, "")
    scan_archive(open_site(root))
    return root


@pytest.fixture
def site(scanned: Path, tmp_path: Path) -> Path:
    """A copy of the scanned site, free to change."""
    return Path(shutil.copytree(scanned, tmp_path / "site"))


def detect(root: Path, line: str) -> None:
    """Sets parameters of detect."""
    config = root / "site.toml"
    kept, _, _ = config.read_text().partition("\n[ops.detect]")
    config.write_text(f'{kept}\n[ops.detect]\nmodel = "sure.onnx"\ntiles = false\n{line}\n')


def tuned(root: Path, camera: str, within: float = 0.05) -> TunedCamera:
    return tune_camera(open_site(root), camera, within, stretches=2).stored


def test_a_view_that_rests_gets_a_profile_that_detect_uses_for_it_alone(site: Path, nightshift: Nightshift) -> None:
    names = ("detect", "second_look", "track")
    before = {(op, camera): fingerprints(site, op, camera) for op in names for camera in ("gate", "hall")}
    found = nightshift("tune", "gate", "--site", site, "--stretches", 2, "--json")
    assert found.code == 0, found.err
    stored = read_tuned(site)["gate"]
    assert {each["profile"] for each in found.json["compared"]} == {UNGATED.name, *(each.name for each in PROFILES)}
    assert stored.params.skip_unchanged and stored.why == ""
    assert stored.test.loss == stored.validation.loss == found.json["test"]["loss"] == 0
    assert stored.test.runs_share < 0.1, "looks at a few of 160 frames"
    assert stored.test.stretches == 1 and stored.test.boxes == stored.test.tracks * LENGTH_S * FPS // 2
    assert stored.by.weights == "sure.onnx" and len(stored.by.sha256) == 64

    ready = configure_site(open_site(site).files)
    changed = ready.tuned_params("detect", "gate")
    assert changed == {"gap_s": stored.params.gap_s}
    after = {key: fingerprints(site, *key) for key in before}
    assert [key for key in before if before[key] != after[key]] == [("detect", "gate")]
    ran = nightshift("run", "--site", site, "--in-process", "--ops", "detect", "--camera", "gate", "--json")
    assert ran.code == 0, ran.err
    assert nightshift("tune", "gate", "--site", site, "--forget", "--json").json == {"camera": "gate", "removed": True}
    why = nightshift("plan", "--site", site, "--ops", "detect", "--camera", "gate", "--json").json["why"]["detect"]
    assert any("tuned: " in reason for reason in why), why
    assert "nothing was stored" in nightshift("tune", "gate", "--site", site, "--forget").out


def fingerprints(root: Path, op: str, camera: str) -> str:
    return fingerprint_base(configure_site(open_site(root).files), op, camera).digest


def test_a_view_that_never_rests_is_recognized_and_named(site: Path, nightshift: Nightshift) -> None:
    shown = nightshift("tune", "hall", "--site", site, "--stretches", 2, "--within", 0.001)
    assert shown.code == 0, shown.err
    assert "hall: ungated" in shown.out and "every frame is looked at: " in shown.out, shown.out
    stored = read_tuned(site)["hall"]
    assert stored.params.given() == {"skip_unchanged": False}
    assert (stored.test.loss, stored.test.runs_share) == (0, 1)
    ready = configure_site(open_site(site).files)
    assert (
        ready.tuned_params("detect", "hall") == ready.tuned_params("second_look", "hall") == {"skip_unchanged": False}
    )
    assert ready.tuned_params("track", "hall") == {}
    status = nightshift("status", "--site", site)
    assert f"camera hall: every frame of it is looked at: {stored.why}" in " ".join(status.err.split())
    assert "loses" in stored.why
    assert "ungated" in status.out


def canned(monkeypatch: pytest.MonkeyPatch, off_px: Mapping[tuple[str, str], float], boxes: int = 400) -> list[str]:
    """Lets looks give one track, off by some pixels in a profile on a part of the footage; returns what was looked at.

    Args:
        off_px: by the profile's name and the part, ``first`` or ``second``, of the footage.
        boxes: number of its boxes.
    """
    looked: list[str] = []
    firsts: list[int] = []

    def follow(looks: StretchLooks, stretch: Segment, params: TunedParams) -> tuple[Tables, int]:
        del looks
        firsts.append(stretch.start_pts)
        part = "first" if stretch.start_pts == firsts[0] else "second"
        name = next(each.name for each in (UNGATED, *PROFILES) if each.params == params)
        looked.append(name)
        runs = 100 if name == UNGATED.name else 90 - 10 * [each.name for each in PROFILES].index(name)
        return tables(("a", "person", range(boxes), off_px.get((name, part), 0.0))), runs

    monkeypatch.setattr(StretchLooks, "follow", follow)
    return looked


def test_the_fastest_profile_within_the_bound_is_stored_with_its_loss_on_the_other_part(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    careful, short, medium, long = (each.name for each in PROFILES)
    looked = canned(monkeypatch, {(long, "first"): 20.0, (medium, "second"): 20.0, (short, "second"): 2.0})
    stored = tuned(site, "gate", within=0.1)
    assert (stored.profile, stored.why) == (short, "")
    assert stored.validation.loss == 0 < stored.test.loss < 0.1, "medium gaps broke the bound on the other part"
    assert (stored.validation.runs_share, stored.validation.boxes, stored.test.tracks) == (0.8, 400, 1)
    assert looked == [UNGATED.name, careful, short, medium, long, UNGATED.name, medium, short]
    assert tuned(site, "gate", within=0.1) == stored, "and again the same"


def test_a_camera_whose_profiles_all_break_the_bound_on_the_other_part_is_ungated(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canned(monkeypatch, {(each.name, "second"): 20.0 for each in PROFILES})
    stored = tuned(site, "gate")
    assert (stored.profile, stored.params.given()) == (UNGATED.name, {"skip_unchanged": False})
    assert re.fullmatch(r"long gaps, chosen on one part, loses [0-9.]+% on the other", stored.why), stored.why


def test_footage_in_which_hardly_anybody_is_stores_nothing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canned(monkeypatch, {}, boxes=99)
    with pytest.raises(UserError, match="1 stretches of gate, 32 s in all, show 99 boxes in tracks, of 100 at least"):
        tuned(site, "gate")
    assert not (site / "tuned").exists()


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), UserError("no")])
def test_what_is_interrupted_stores_nothing(
    site: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fail(*arguments: object) -> None:
        raise failure

    canned(monkeypatch, {})
    monkeypatch.setattr(TrackAgreement, "add", fail)
    with pytest.raises(type(failure)):
        tuned(site, "gate")
    assert not (site / "tuned").exists()


def test_a_camera_that_nobody_knows_names_those_there_are(site: Path, nightshift: Nightshift) -> None:
    with pytest.raises(SelectionError, match="no camera 'door'; there are gate, hall, roof"):
        tuned(site, "door")
    one_line(nightshift("tune", "door", "--site", site), "no camera 'door'")


def test_without_weights_nothing_can_be_tuned(site: Path) -> None:
    detect(site, "")
    config = site / "site.toml"
    config.write_text(config.read_text().replace('"sure.onnx"', '"motion"'))
    with pytest.raises(ModelError, match=r"tune needs the weights of a detector.*models import"):
        tuned(site, "gate")


def test_a_camera_that_moves_is_not_tuned(site: Path) -> None:
    config = site / "site.toml"
    config.write_text(config.read_text().replace('id = "gate"\n', 'id = "gate"\nfixed = false\n'))
    with pytest.raises(UserError, match="camera gate is not fixed"):
        tuned(site, "gate")


def test_what_site_toml_gives_for_all_cameras_is_not_tuned(site: Path) -> None:
    detect(site, "gap_s = 0.8")
    with pytest.raises(UserError, match=r"site.toml gives gap_s under \[ops.detect\]"):
        tuned(site, "gate")


@pytest.mark.parametrize(("camera", "segment_s", "found"), [("roof", 300, 0), ("gate", 20, 1)])
def test_too_little_footage_stores_nothing(
    site: Path, nightshift: Nightshift, camera: str, segment_s: int, found: int
) -> None:
    config = site / "site.toml"
    config.write_text(f"segment_s = {segment_s}\n{config.read_text()}")
    nightshift("scan", "--site", site, "--json")
    words = f"camera {camera} needs 2 stretches of 30 s within its segments, and the last scan found {found}"
    one_line(nightshift("tune", camera, "--site", site), words, "nothing was stored")
    assert not (site / "tuned").exists()


def test_footage_that_is_gone_stores_nothing(site: Path, nightshift: Nightshift) -> None:
    for file in (site / "archive" / "gate").iterdir():
        file.unlink()
    one_line(
        nightshift("tune", "gate", "--site", site), "0 stretches of gate (1 more could not be read)", "nothing was"
    )
    assert not (site / "tuned").exists()
