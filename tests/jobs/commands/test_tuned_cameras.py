"""`status` names cameras that were tuned with other weights, and untuned ones whose frames are hardly ever held."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.commands.tune import measured_with
from jobs.commands.tuned_cameras import CameraProfile, camera_profiles
from jobs.planning.configure import ReadyOp, ReadySite, configure_site
from ops.detect import Detect, DetectParams
from ops.track import Track, TrackParams
from schemas.site import SiteConfig
from schemas.values import ModelFile, Receipt
from storage.site.file import SiteFiles, load_site
from storage.site.tuned import write_tuned
from storage.store.receipts import receipts_to_arrow
from tests.conftest import Nightshift
from tests.storage.site.test_tuned import tuned_camera

NANO = ModelFile("yolo11n", "n.onnx", "onnx", "detect", "yolo", "12ab" * 16, "AGPL", "here")
NOTHING = receipts_to_arrow([])


def site_of(
    detect: Mapping[str, Any] | None = None, model: ModelFile | None = NANO, fixed: bool = True, **tuned: Any
) -> ReadySite:
    given = dict(detect or {})
    content = {"name": "s", "crs": "EPSG:28992", "timezone": "UTC", "cameras": [{"id": "gate", "fixed": fixed}]}
    config = SiteConfig.model_validate({**content, "ops": {"detect": given}})
    models = {"detector": model} if model else {}
    ops = {"detect": ReadyOp(Detect(DetectParams(**given)), models), "track": ReadyOp(Track(TrackParams()), {})}
    return ReadySite(SiteFiles(Path("nowhere"), config), ops, (), tuned=tuned)


def message(site: ReadySite) -> str:
    (found,) = camera_profiles(site, NOTHING)
    return found.message


def test_a_profile_that_still_fits_says_its_loss_only() -> None:
    stored = tuned_camera().model_copy(update={"by": measured_with(site_of())})
    (found,) = camera_profiles(site_of(gate=stored), NOTHING)
    assert found == CameraProfile("gate", "medium gaps", 0.031, 0.25, "")


def test_what_a_profile_was_measured_with_and_is_no_longer_so_is_named() -> None:
    stored = tuned_camera().model_copy(update={"by": measured_with(site_of())})
    other = replace(NANO, name="yolo11s", sha256="77" * 32)
    assert message(site_of(model=other, gate=stored)) == (
        "camera gate: it was tuned with weights yolo11n 12ab12ab, now yolo11s 77777777: `nightshift tune gate` "
        "measures again"
    )
    assert "other parameters of [ops.detect]" in message(site_of({"confidence": 0.2}, gate=stored))
    older = stored.model_copy(update={"by": stored.by.model_copy(update={"detect": 3})})
    assert f"tuned with detect 3, now detect {Detect.spec.version}" in message(site_of(gate=older))
    assert "weights yolo11n, and detect has none" in message(site_of(model=None, gate=stored))
    assert "site.toml gives gap_s under [ops.detect], and that holds" in message(site_of({"gap_s": 0.0}, gate=stored))


def test_a_camera_that_cannot_be_gated_is_named() -> None:
    stored = tuned_camera(gap_s=None, why="all changes loses 8.0%").model_copy(update={"by": measured_with(site_of())})
    assert message(site_of(gate=stored)) == "camera gate: every frame of it is looked at: all changes loses 8.0%"


def receipt(number: int, held: int, camera: str = "gate", date: str = "2026-03-02", media_s: float = 300.0) -> Receipt:
    counters = {"frames_observed": 3000, "frames_held": held}
    work = {"op": "detect", "version": 7, "camera": camera, "date": date, "unit": f"s{number}", "fingerprint": "f" * 64}
    made = {"ingredients": {}, "files": {}, "committed": datetime(2026, 3, 3, tzinfo=UTC), "run_id": "r", "wall_s": 1.0}
    return Receipt(**work, **made, media_s=media_s, counters=counters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("site", "receipts", "named"),
    [
        (site_of(), [receipt(0, 100), receipt(1, 200)], True),
        (site_of(), [receipt(0, 100), receipt(1, 2000)], False),
        (site_of(), [receipt(0, 100, date="2026-02-01"), receipt(1, 2000)], False),  # it was so a month ago
        (site_of(), [receipt(0, 2000, date="2026-02-01"), receipt(1, 100)], True),  # it is so this week
        (site_of(), [receipt(0, 0, media_s=20)], False),  # too short to hold anything
        (site_of(), [receipt(0, 0, media_s=3000)], False),  # one frame a second: each is looked at
        (site_of(fixed=False), [receipt(0, 0)], False),
        (site_of({"skip_unchanged": False}), [receipt(0, 0)], False),
        (site_of(), [], False),
    ],
)
def test_a_camera_whose_frames_are_hardly_ever_held_is_named(
    site: ReadySite, receipts: list[Receipt], named: bool
) -> None:
    found = camera_profiles(site, receipts_to_arrow(receipts))
    assert [each.camera for each in found] == (["gate"] if named else [])
    if named:
        assert (found[0].profile, found[0].loss) == ("", None)
        assert "% of its frames are looked at, since its view changes all the time" in found[0].message
        assert "`nightshift tune gate`" in found[0].message


def test_status_shows_what_is_stored(fresh_site: Path, nightshift: Nightshift) -> None:
    write_tuned(fresh_site, tuned_camera())
    (found,) = nightshift("status", "--site", fresh_site, "--json").json["profiles"]
    assert (found["camera"], found["profile"], found["loss"]) == ("gate", "medium gaps", 0.031)
    assert "detect has none" in found["message"]
    assert "medium gaps" in nightshift("status", "--site", fresh_site).out


def test_what_site_toml_gives_holds_and_what_changes_nothing_is_left_out(fresh_site: Path) -> None:
    write_tuned(fresh_site, tuned_camera(gap_s=0.4))
    config = fresh_site / "site.toml"
    text = config.read_text()
    ready = configure_site(load_site(fresh_site))
    assert ready.tuned_params("detect", "gate") == {"gap_s": 0.4}
    assert ready.tuned_params("detect", "hall") == ready.tuned_params("second_look", "gate") == {}
    config.write_text(f"{text}\n[ops.detect]\ngap_s = 0.8\n")
    assert configure_site(load_site(fresh_site)).tuned_params("detect", "gate") == {}
    write_tuned(fresh_site, tuned_camera(gap_s=None))
    ungated = configure_site(load_site(fresh_site))
    assert ungated.tuned_params("detect", "gate") == {"skip_unchanged": False}
    assert ungated.tuned_params("second_look", "gate") == {"skip_unchanged": False}
