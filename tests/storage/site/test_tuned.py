"""What `tune` stored comes back as it was; a mistake in the file names file, line and key."""

from datetime import date
from pathlib import Path

import pytest

from schemas.errors import SiteError
from schemas.tuned import TunedCamera
from storage.site.tuned import forget_tuned, read_tuned, tuned_path, write_tuned


def tuned_camera(camera: str = "gate", gap_s: float | None = 0.4, why: str = "") -> TunedCamera:
    part = {"loss": 0.031, "runs_share": 0.25, "stretches": 4, "seconds": 240.0, "tracks": 12, "boxes": 3400}
    params = {"skip_unchanged": gap_s is not None} | ({} if gap_s is None else {"gap_s": gap_s})
    by = {"weights": "yolo", "sha256": "12ab" * 16, "detect": 7, "track": 2, "others": "34cd" * 4}
    content = {"camera": camera, "profile": "medium gaps", "why": why, "within": 0.05, "measured": date(2026, 3, 2)}
    return TunedCamera.model_validate({**content, "params": params, "validation": part, "test": part, "with": by})


def test_it_is_read_as_it_was_written_and_says_what_it_is(tmp_path: Path) -> None:
    gate, hall = tuned_camera(), tuned_camera("Gärtnerstraße.2", None, 'says "no" \\ often')
    assert write_tuned(tmp_path, gate) == tuned_path(tmp_path, "gate") == tmp_path / "tuned" / "gate.toml"
    write_tuned(tmp_path, hall)
    assert read_tuned(tmp_path) == {"gate": gate, "Gärtnerstraße.2": hall}
    assert "--forget" in (tmp_path / "tuned" / "gate.toml").read_text()
    assert gate.params.given() == {"skip_unchanged": True, "gap_s": 0.4}
    assert hall.params.given() == {"skip_unchanged": False}


def test_a_site_without_any_has_none(tmp_path: Path) -> None:
    assert read_tuned(tmp_path) == {}
    assert not forget_tuned(tmp_path, "gate")


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    write_tuned(tmp_path, tuned_camera())
    assert forget_tuned(tmp_path, "gate")
    assert read_tuned(tmp_path) == {}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("gap_s = 0.4", "gap_s = -1", "line 12: params.gap_s: should be greater than or equal to 0, got -1; correct"),
        ("gap_s = 0.4", "gaps = 1", r"line 12: params.gaps: .*not permitted"),
        ('camera = "gate"', 'camera = "hall"', "line 4: camera: should be 'gate', as the file's name says"),
        ("gap_s = 0.4", "gap_s = ", "line 12: not TOML"),
    ],
)
def test_a_mistake_names_file_line_and_key(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = write_tuned(tmp_path, tuned_camera())
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SiteError, match=rf"gate\.toml, {words}"):
        read_tuned(tmp_path)


def test_a_folder_that_cannot_be_written_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "tuned").write_text("a file")
    with pytest.raises(SiteError, match="cannot write"):
        write_tuned(tmp_path, tuned_camera())
